-- How far earlier replays of `$stream` came with each letter: to the end, or at least to its beginning.
select
    letter_partition,
    letter_offset,
    bool_or(state = 'sent') as sent
from dead_letter_replays
where stream = $stream
group by letter_partition, letter_offset
