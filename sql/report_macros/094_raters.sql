-- Raters of the same pairs: annotators, sources and heads.

create or replace macro _rm_judgements(snapshot, heads) as table from query(_rm_judgements_sql(snapshot, heads));

-- One row per data set, pair of responses and rater: value = P(the first of the two wins), the mean where a rater voted
-- more than once. First is the side whose policy comes first by name, so that a baseline stands on one side throughout;
-- where policies are unknown or the same, the one with the lower id. naming: what names a rater of votes, 'annotator'
-- (the source, where nobody signed) or 'source'. Heads judge the pairs that were voted on; is_seen marks groups of their
-- training. A pair of equal texts has no sides to tell apart, and is left out.
create or replace macro _rm_rater_values(dataset, subset, split, naming, snapshot, heads) as table
    with votes as materialized (
        select votes.dataset, votes.group_id, least(votes.chosen_id, votes.rejected_id) as low_id,
               greatest(votes.chosen_id, votes.rejected_id) as high_id,
               case when votes.chosen_id < votes.rejected_id then votes.prob else 1 - votes.prob end as prob,
               case _rm_one_of('name for raters', naming, ['annotator', 'source'])
                   when 'annotator' then coalesce(votes.annotator, votes.source) else votes.source end as rater
        from _rm_votes_of(dataset, subset, split, null, null) as votes
        where votes.chosen_id <> votes.rejected_id
    ),
    homes as (
        select datasets.name as dataset, generations.response_id, min(generations.policy) as policy
        from rm.main.generations as generations
        join rm.main.datasets as datasets using (dataset_id)
        group by datasets.name, generations.response_id
    ),
    items as materialized (
        select votes.dataset, votes.low_id, votes.high_id, min(votes.group_id) as group_id,
               coalesce(any_value(low.policy) > any_value(high.policy), false) as is_turned
        from votes
        left join homes as low on low.dataset = votes.dataset and low.response_id = votes.low_id
        left join homes as high on high.dataset = votes.dataset and high.response_id = votes.high_id
        group by votes.dataset, votes.low_id, votes.high_id
    ),
    said as (
        select votes.dataset, votes.low_id, votes.high_id, votes.rater, _rm_steady_mean(votes.prob) as value,
               false as is_seen
        from votes
        group by votes.dataset, votes.low_id, votes.high_id, votes.rater
    ),
    judged as materialized (
        select * from _rm_judgements(snapshot, heads)
    ),
    -- The two sides as rows: of two joins, one over the rater alone could come first, and pair all responses.
    sides as (
        select items.dataset, items.low_id, items.high_id, unnest([low_id, high_id]) as response_id,
               unnest([1, -1]) as sign
        from items
    ),
    scored as (
        select sides.dataset, sides.low_id, sides.high_id, judged.rater,
               1 / (1 + exp(-sum(sides.sign * judged.logit))) as value,
               case when bool_or(judged.is_seen) then true when count(judged.is_seen) = 2 then false end as is_seen
        from sides
        join judged using (response_id)
        group by sides.dataset, sides.low_id, sides.high_id, judged.rater
        having count(*) = 2
    )
    select items.dataset, items.group_id, items.low_id, items.high_id, entries.rater, entries.is_seen,
           case when items.is_turned then 1 - entries.value else entries.value end as value
    from (from said union all from scored) as entries
    join items on items.dataset = entries.dataset and items.low_id = entries.low_id and items.high_id = entries.high_id;
