-- Texts of one encoder whose vector is damaged, missing, or there twice and different.
create or replace temp table _rm_damaged as
with present as (
    select text_id, checksum, _rm_checksum({stored}) as found
    from rm.main.{table} where encoder_id = $encoder_id
),
unsound as (
    -- a component that is no number makes the sum of all none
    select text_id from {vectors} as vectors
    where encoder_id = $encoder_id and not coalesce(isfinite(list_sum(embedding::double[])), false)
)
select text_id from unsound
union
select text_id from present where checksum <> found
union
select text_id from present group by text_id having count(*) > 1
union
select text_id from rm.main.renderings anti join present using (text_id) where encoder_id = $encoder_id
