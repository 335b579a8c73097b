-- Suspects whose stored vector is farther from the match than rounding. What a precision rounds away is a share of the
-- length of the vector (f16) or of its largest component (i8).
with matched as (
{match}
),
fresh as (
    select matched.response_id::uuid as response_id, matched.embedding::float[{dim}] as embedding
    from matched
    where matched.response_id::uuid in (select response_id from _rm_suspects)
),
stored as (
    select renderings.item_id as response_id, vectors.embedding
    from rm.main.renderings as renderings
    join {vectors} as vectors using (encoder_id, text_id)
    where encoder_id = $encoder_id and renderings.part = $part
      and renderings.item_id in (select response_id from _rm_suspects)
)
select count(distinct response_id) as n
from fresh
join stored using (response_id)
where array_distance(fresh.embedding, stored.embedding)
    > $tolerance + $of_length * sqrt(array_inner_product(stored.embedding, stored.embedding))
      + $of_largest * list_max(list_transform(stored.embedding::float[], lambda x: abs(x)));
