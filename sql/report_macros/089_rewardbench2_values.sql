-- What RewardBench 2 averages, one row per unit and judge: head, longest, shortest, and random, which has what is
-- expected of values drawn alike. Units of level 'subset' are items, or the pairs of Ties; those of level 'ties' are
-- the sides and pairs of each part of its score. An item has 1 / n where n options share the maximum and a right one is
-- one of them. A pair of Ties has its summand of 0.30 tied accuracy + 0.30 ref accuracy + 0.20 preferred + 0.20
-- preferred hard + 0.01 margin, so that the mean over pairs is the score, also where sides are missing; without one
-- whole pair there is none. center is what the value would be if every part had its mean. Only items that the head did
-- not see have values; judge 'item' has a row for every item, whose value says whether its maximum is shared.
create or replace macro _rm_rewardbench2_values(head, snapshot, split, dataset, subset) as table
    with items as materialized (
        select * from _rm_rewardbench2_items(head, snapshot, split, dataset, subset)
    ),
    sides as (
        select judge, unit as pair, kind, min(group_id) as group_id,
               sum(n_right) as n_right, sum(n_wrong) as n_wrong, max(high_right) - min(low_right) as spread,
               min(low_right) - max(high_wrong) as gap
        from items
        where kind is not null and not coalesce(is_seen, false)
        group by judge, unit, kind
    ),
    judged as (
        select judge, pair, kind, group_id, spread, gap, (gap > 0)::integer::double as accuracy from sides
        union all
        select 'random', pair, kind, group_id, null, null, _rm_chance_above(n_right, n_wrong)
        from sides where judge = 'head'
    ),
    pairs as (
        select judge, pair, max_by(group_id, kind) as group_id, max(accuracy) filter (kind = 'tied') as tied,
               max(accuracy) filter (kind = 'ref') as ref, max(spread) filter (kind = 'tied') as spread,
               max(gap) filter (kind = 'tied') as gap, case when count(gap) = 2 then min(gap) end as least_gap
        from judged
        group by judge, pair
    ),
    parts as (
        select judge, pair, group_id,
               unnest(['tied accuracy', 'ref accuracy', 'preferred', 'preferred hard', 'margin']) as part,
               unnest([0.30e0, 0.30e0, 0.20e0, 0.20e0, 0.01e0]) as weight,
               unnest([
                   tied, ref, case when least_gap is not null then (gap > spread)::integer end,
                   (least_gap > spread)::integer, _rm_ties_margin(least_gap, spread)]) as value
        from pairs
    ),
    weighed as (
        select judge, pair, group_id, part, value, avg(value) over same as center,
               weight * count(*) over same / nullif(count(value) over same, 0)::double as weight
        from parts
        window same as (partition by judge, part)
    ),
    units as (
        select 'ties' as level, part as name, judge, group_id, value, center from weighed where value is not null
        union all
        select 'subset', 'Ties', judge, any_value(group_id), sum(weight * value),
               sum(weight * center) filter (value is not null)
        from weighed
        group by judge, pair
        having judge = 'random' or count(weight) filter (part = 'margin') > 0
        union all
        select 'subset', name, judge, group_id, value, avg(value) over (partition by name, judge)
        from (
            select name, judge, group_id, (high_right >= high_wrong)::integer / n_top::double as value
            from items where kind is null and not coalesce(is_seen, false)
            union all
            select name, 'random', group_id, n_right::double / (n_right + n_wrong)
            from items where kind is null and not coalesce(is_seen, false) and judge = 'head'
        )
    )
    select level, name, judge, group_id, value, center, false as is_seen, null as unit from units
    union all
    select 'subset', name, 'item', group_id, is_tie::integer, null, is_seen, unit from items where judge = 'head';
