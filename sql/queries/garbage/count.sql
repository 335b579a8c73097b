-- Renderings that nothing kept needs, and vectors that no other rendering points at.
with staying as (
    select text_id
    from (select item_id, part, text_id from rm.main.renderings where encoder_id = $encoder_id) as renderings
    semi join _rm_needed_items($encoder_id, $first, $last) as needed using (item_id, part)
),
present as (select text_id from rm.main.{vectors} where encoder_id = $encoder_id)
select $n_renderings - (select count(*) from staying) as n_renderings,
       (select count(*) from present anti join staying using (text_id)) as n_vectors
