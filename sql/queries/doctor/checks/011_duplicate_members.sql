-- check: members, renderings and weights stand once
-- hint:  drop the snapshot or head and make it again
with members as (
    select 'member ' || response_id || ' of snapshot ' || snapshot_id as example, count(*) - 1 as n
    from rm.main.snapshot_members group by snapshot_id, response_id having count(*) > 1
),
renderings as (
    select 'rendering ' || part || ' of ' || item_id || ' for encoder ' || encoder_id as example, count(*) - 1 as n
    from rm.main.renderings group by encoder_id, item_id, part having count(*) > 1
),
weights as (
    select 'weights of head ' || head_id as example, count(*) - 1 as n
    from rm.main.head_weights group by head_id having count(*) > 1
)
select example, n from members
union all select example, n from renderings
union all select example, n from weights
order by example
