-- RewardBench 2 (Malik et al., arXiv 2506.01937; scores as allenai/reward-bench computes them).

-- Its subsets and their items as published. Ties has 51 questions with one right answer, each paired with one that has
-- several.
create or replace macro _rm_rewardbench2_subsets() as
    ['Factuality', 'Precise IF', 'Math', 'Safety', 'Focus', 'Ties'];

create or replace macro _rm_rewardbench2_place(name) as
    list_position(_rm_rewardbench2_subsets()
        || ['tied accuracy', 'ref accuracy', 'preferred', 'preferred hard', 'margin'], name);

create or replace macro _rm_rewardbench2_expected(name) as
    case name when 'all' then 1865 when 'Factuality' then 475 when 'Precise IF' then 160 when 'Math' then 183
        when 'Safety' then 450 when 'Focus' then 495 when 'Ties' then 102 else 51 end::bigint;

-- One row per item and judge (head, longest, shortest): the lowest and highest value of a right response, the highest
-- of a wrong one, how many share the maximum, and is_tie: whether several do, in Ties whether the worst right response
-- is level with the best wrong one. unit names the item, in Ties the pair, and kind is the side of it: ref or tied.
create or replace macro _rm_rewardbench2_items(head, snapshot, split, dataset, subset) as table
    with listed as (
        select published.name, responses.*, published.name = 'Ties' as is_ties
        from _rm_list_rewards(head, snapshot, 'rewardbench2', split, dataset, subset) as responses
        join (select unnest(_rm_rewardbench2_subsets()) as name) as published
            on lower(published.name) = lower(responses.subset)
    ),
    judged as (
        select listed.*, unnest(['head', 'longest', 'shortest']) as judge,
               unnest([reward::double, n_chars::double, -n_chars::double]) as value
        from listed
    ),
    topped as (
        select judged.*, max(value) over (partition by file_id, "row", judge) as top from judged
    )
    select judge, name, any_value(group_id) as group_id, bool_or(is_seen) as is_seen,
           case when any_value(is_ties) then split_part(any_value(item), ':', 1) end as kind,
           case when any_value(is_ties)
               then any_value(topped.dataset) || '/' || regexp_extract(any_value(item), ':(.*)$', 1, 's')
               else file_id || '/' || "row" end as unit,
           count_if(is_chosen) as n_right, count_if(not is_chosen) as n_wrong,
           min(value) filter (is_chosen) as low_right, max(value) filter (is_chosen) as high_right,
           max(value) filter (not is_chosen) as high_wrong, count_if(value = top) as n_top,
           case when any_value(is_ties) then low_right = high_wrong else n_top > 1 end as is_tie
    from topped
    group by judge, name, file_id, "row";

-- The chance that every one of n_right equally likely values lies above every one of n_wrong.
create or replace macro _rm_chance_above(n_right, n_wrong) as
    exp(lgamma(n_right + 1) + lgamma(n_wrong + 1) - lgamma(n_right + n_wrong + 1));

-- tanh(gap / spread - 1) with its limits where the spread is 0, and 0 for 0 / 0.
create or replace macro _rm_ties_margin(gap, spread) as
    case when spread > 0 then tanh(gap / spread - 1) else sign(gap)::double end;
