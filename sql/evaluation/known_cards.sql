-- evaluation: known_cards
--
-- Leaves out payments with a card that is known to be compromised: nobody needs a model to stop those.

with
-- A card is compromised by a fraud in the training window or after it, and known to be when that fraud's label came.
compromised as (
    select
        transactions.CUSTOMER_ID,
        min(labels._tm_kafka_time) as known_at
    from labels
    join transactions on transactions.TRANSACTION_ID = labels.TRANSACTION_ID
    where labels.TX_FRAUD = 1 and transactions.TX_DATETIME >= $train_from
    group by transactions.CUSTOMER_ID
)

-- Lists of cards are made at midnight, so a card counts until the end of the day on which it became known.
select evaluation_rows.TRANSACTION_ID
from evaluation_rows
left join compromised on compromised.CUSTOMER_ID = evaluation_rows.CUSTOMER_ID
where compromised.known_at is null
    or compromised.known_at >= date_trunc('day', evaluation_rows.TX_DATETIME)
