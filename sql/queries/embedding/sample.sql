-- Texts of the outline, each once, longest first, in strata of equal size in all; from each, texts drawn by the hash of
-- their id until $most is reached, and at least one.
create or replace temp table _rm_sample as
with texts as (
    select text_id, min({'part': part, 'item_id': item_id}) as item, max(size) as size
    from _rm_outline
    group by text_id
),
placed as (
    select text_id, item, size,
           $strata * (sum(size) over (order by size desc, text_id) - size / 2e0) / sum(size) over () as place
    from texts
),
strata as (
    select text_id, item, size, least(floor(place), $strata - 1)::integer as stratum from placed
),
drawn as (
    select stratum, item, size, count(*) over (partition by stratum) as n_texts,
           sum(size) over (
               partition by stratum order by md5(text_id::varchar) rows unbounded preceding) - size as n_before,
           row_number() over (partition by stratum order by md5(text_id::varchar)) as draw
    from strata
)
select stratum, draw, n_texts, item.part as part, item.item_id as item_id, size
from drawn
where n_before < $most;
