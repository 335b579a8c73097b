-- check: every tag names a version that exists
-- hint:  set the tag again: rmstore head deploy, rmstore snapshot tag
with tags as (
    select 'head ' || tags.name || '@' || tags.tag as example
    from rm.main.head_tags as tags
    anti join (select name, version from rm.main.heads where dropped_at is null) as heads using (name, version)
    union all
    select 'snapshot ' || tags.name || '@' || tags.tag
    from rm.main.snapshot_tags as tags
    anti join (select name, version from rm.main.snapshots where dropped_at is null) as snapshots using (name, version)
)
select example, 1 as n from tags order by example
