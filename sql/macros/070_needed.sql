-- What must stay in the store, see rmstore gc.

-- Snapshots that are not dropped, or that a living head was trained on; parts are those whose vectors they need.
create or replace macro _rm_kept_snapshots() as table
    select snapshot_id, encoder_id, name || '@' || version as reference, dropped_at is not null as is_dropped,
           list_distinct(regexp_extract_all(layout, '[a-z]+')) as parts
    from rm.main.snapshots
    where dropped_at is null
       or snapshot_id in (select snapshot_id from rm.main.heads where dropped_at is null and snapshot_id is not null);
comment on macro table _rm_kept_snapshots is 'snapshots whose members and vectors must stay, with the parts of their layout';

-- Items from first_id to last_id that a member of a kept snapshot needs under an encoder: itself, its prompt, its steps.
create or replace macro _rm_needed_items(encoder, first_id, last_id) as table
    with kept as (select snapshot_id, parts from _rm_kept_snapshots() where encoder_id = encoder),
    members as (
        select distinct members.response_id, kept.parts
        from rm.main.snapshot_members as members
        join kept using (snapshot_id)
    )
    select distinct response_id as item_id, part
    from members, unnest(list_filter(parts, lambda part: part <> 'prompt')) as of_members(part)
    where response_id between first_id and last_id
    union all
    select distinct responses.prompt_id, 'prompt'
    from rm.main.responses as responses
    semi join (select response_id from members where list_contains(parts, 'prompt')) as shown using (response_id)
    where responses.prompt_id between first_id and last_id
    union all
    select steps.step_id, 'step'
    from rm.main.steps as steps
    semi join members using (response_id)
    where steps.step_id between first_id and last_id;
comment on macro table _rm_needed_items is '(item_id, part) of an encoder that must keep its rendering and its vector';
