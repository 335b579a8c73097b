-- Items of a snapshot's members that have no text under its encoder, by the parts of its layout.
with members as (
    select responses.response_id, responses.prompt_id
    from rm.main.snapshot_members as members
    join rm.main.responses as responses using (response_id)
    where members.snapshot_id = $snapshot_id
),
wanted as (
    select distinct case when parts.part = 'prompt' then members.prompt_id else members.response_id end as item_id, parts.part
    from members, unnest($parts::varchar[]) as parts(part)
),
present as (select item_id, part from rm.main.renderings where encoder_id = $encoder_id)
select part || ' of ' || item_id as example, 1 as n
from wanted anti join present using (item_id, part)
order by example
