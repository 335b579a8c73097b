-- What the operator's own query finds, without the vectors: one row per row of the match.
create or replace temp table _rm_found as
with matched as (
{match}
),
rows as (
    select response_id::uuid as response_id, {reward} as reward, embedding::float[] as embedding,
           list_filter(embedding::float[], lambda x: x is not null) as numbers
    from matched
)
select response_id, reward, len(embedding) as width,
       len(numbers) = len(embedding) and isfinite(list_sum(numbers)) as is_finite,
       abs(list_inner_product(numbers, numbers) - 1) < 1e-3 as is_unit,
       hash(embedding) as content
from rows;
