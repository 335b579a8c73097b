-- Members whose vector in the match is not, to the last bit, the one that the store has of this encoder.
create or replace temp table _rm_suspects as
with matched as (
{match}
),
stored as (
    select renderings.item_id as response_id, vectors.checksum
    from rm.main.renderings as renderings
    join rm.main.{vectors} as vectors using (encoder_id, text_id)
    where encoder_id = $encoder_id and renderings.part = $part
)
select distinct stored.response_id
from matched
join stored on stored.response_id = matched.response_id::uuid
semi join _rm_members on _rm_members.response_id = stored.response_id
where not $is_exact or _rm_checksum(matched.embedding::float[{dim}]) is distinct from stored.checksum;
