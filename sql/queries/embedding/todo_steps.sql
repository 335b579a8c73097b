-- Steps of the members without a rendering, longest prefix first.
create or replace temp table _rm_todo as
with prefixes as (
    select step_id as item_id, sum(length(text)) over (partition by response_id order by step) as n_chars
    from rm.main.steps
    semi join _rm_members using (response_id)
)
select prefixes.item_id, row_number() over (order by prefixes.n_chars desc, prefixes.item_id) as position
from prefixes
anti join (
    select item_id from rm.main.renderings where encoder_id = $encoder_id and part = $part
) as done using (item_id);
