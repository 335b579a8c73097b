-- Texts that stand for nothing but what goes.
create or replace temp table _rm_dropped_texts as
with going as (
    select distinct encoder_id, text_id from rm.main.renderings semi join _rm_dropped_items using (item_id)
),
staying as (
    select encoder_id, text_id from rm.main.renderings anti join _rm_dropped_items using (item_id)
)
select encoder_id, text_id from going anti join staying using (encoder_id, text_id)
