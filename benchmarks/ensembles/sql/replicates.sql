-- The metric of every configuration in every replicate; in replicate 0 it is the metric itself.
create or replace table study.replicates as
select sums.config, sums.metric, resamples.replicate,
       list_inner_product(sums.totals, resamples.weights)
           / nullif(list_inner_product(sums.ns, resamples.weights), 0) as value
from study.sums as sums
cross join study.resamples as resamples
