-- Suspects with two vectors in the match that differ by more than rounding.
with matched as (
{match}
),
vectors as (
    select matched.response_id::uuid as response_id, matched.embedding::float[{dim}] as embedding
    from matched
    where matched.response_id::uuid in (select response_id from _rm_suspects)
),
pairs as (
    select response_id, embedding, first_value(embedding) over (partition by response_id) as first from vectors
)
select count(distinct response_id) as n from pairs where array_distance(embedding, first) > $tolerance;
