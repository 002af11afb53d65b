-- `g` follows the last hexadecimal digit, so the range is every id with that start.
select public_id from runs
where public_id >= $1 and public_id < $1 || 'g' and lifecycle = 'active'
order by public_id
limit 2
