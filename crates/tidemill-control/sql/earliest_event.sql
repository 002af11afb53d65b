-- When the first event of {table} happened, by its column {column}.
select min({column}) as earliest
from {table}
