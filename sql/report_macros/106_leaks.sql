-- What the report leaks reads. rm_rows(snapshot) gives the rows, so that an operator's condition covers them.

-- What two sides may share: one row per kind, side and key, with the first response that has it there. Sides are splits,
-- data sets, and published splits of data sets.
create or replace macro _rm_leak_items(snapshot) as table
    with rows as materialized (
        select distinct dataset, split, group_id, prompt_id, response_id from rm_rows(snapshot)
    ),
    keyed as (
        select 1 as place, 'group, splits' as kind, split as side, group_id as key, response_id from rows
        union all
        select 2, 'prompt, splits', split, prompt_id, response_id from rows
        union all
        select 3, 'group, published', datasets.name || ' ' || sources.split, rows.group_id, rows.response_id
        from rows
        join rm.main.prompt_sources as sources using (prompt_id)
        join rm.main.datasets as datasets on datasets.dataset_id = sources.dataset_id
        where sources.split is not null and datasets.dropped_at is null
        union all
        select 4, 'group', dataset, group_id, response_id from rows
        union all
        select 5, 'prompt', dataset, prompt_id, response_id from rows
        union all
        select 6, 'response', dataset, response_id, response_id from rows
        union all
        select 7, 'text', rows.dataset, md5(responses.text)::uuid, rows.response_id
        from rows
        join rm.main.responses as responses using (response_id)
    )
    select place, kind, side, key, min(response_id) as response_id from keyed group by place, kind, side, key;

-- Keys shared by two sides: one row per kind and pair of sides, the training split on the right. Pairs of splits are
-- train with another; a pair of published splits is there only if it shares something.
create or replace macro _rm_shared_items(snapshot) as table
    with items as materialized (
        select place, kind, side, key, response_id from _rm_leak_items(snapshot)
    ),
    sides as (
        select place, kind, side, count(*) as n from items group by place, kind, side
    ),
    pairs as (
        select one.place, one.kind, one.side as "left", other.side as "right", one.n as n_left, other.n as n_right
        from sides as one
        join sides as other using (place)
        where case when one.place > 3 then one.side < other.side
                   else not _rm_is_training(one.side) and _rm_is_training(other.side) end
    ),
    shared as (
        select one.place, one.side as "left", other.side as "right", count(*) as n,
               min(one.response_id) as response_id
        from items as one
        join items as other on other.place = one.place and other.key = one.key and other.side <> one.side
        group by one.place, one.side, other.side
    )
    select pairs.place, pairs.kind, pairs."left", pairs."right", coalesce(shared.n, 0) as n, pairs.n_left,
           pairs.n_right, false as is_sample,
           _rm_excerpt(case when pairs.place > 5 then responses."text"
                            when pairs.kind[1:5] = 'group' then prompts.messages[1].content
                            else prompts.messages[-1].content end) as example
    from pairs
    left join shared using (place, "left", "right")
    left join rm.main.responses as responses using (response_id)
    left join rm.main.prompts as prompts using (prompt_id)
    where pairs.place <> 3 or shared.n > 0;

create or replace macro _rm_is_training(side) as side = 'train' or ends_with(side, ' train');
