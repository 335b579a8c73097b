-- Responses with vectors that differ by more than rounding, within the file or from what was imported before.
with stored as (
    select renderings.item_id as response_id, vectors.embedding
    from rm.main.renderings as renderings
    join {vectors} as vectors using (encoder_id, text_id)
    where encoder_id = $encoder_id and renderings.part = $part
)
select count(*) filter (array_distance(members.embedding, members.other) > $tolerance) as n_within,
       count(*) filter (array_distance(members.embedding, stored.embedding) > $tolerance) as n_before
from _rm_members as members
left join stored using (response_id);
