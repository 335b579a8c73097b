-- What the store holds of one head, as a row per kind that changes when any of its rows does. hash() may change with the
-- engine, whose version stands beside this.
select 'head' as kind, count(*) as n, sum(hash(heads))::varchar as content
from rm.main.heads as heads
where head_id = $head_id
union all
select 'training', count(*), sum(hash(training))::varchar
from rm.main.head_training as training
where head_id = $head_id
union all
select 'weights', count(*), sum(hash(weights.sha256))::varchar
from rm.main.head_weights as weights
where head_id = $head_id
order by kind
