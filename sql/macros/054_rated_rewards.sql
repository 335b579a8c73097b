-- The gold of a response: the mean of its finite ratings of an attribute.
create or replace macro _rm_golds(attribute) as table
    select response_id, _rm_steady_mean(value) as gold
    from rm.main.ratings as ratings
    where ratings.attribute = attribute and isfinite(value)
    group by response_id;

-- Rewards beside gold: one row per distinct response of a snapshot that has a gold; n_chars where its text was
-- published, its policy where all its generations have the same. split 'all', dataset NULL and subset NULL take
-- everything.
create or replace macro _rm_rated_rewards(head, snapshot, attribute, split, dataset, subset) as table
    select "rows".group_id, "rows".prompt_id, "rows".response_id,
           any_value("rows".reward)::double as reward,
           (any_value("rows".n_chars) filter (placed.dataset is null))::double as n_chars,
           any_value(golds.gold) as gold,
           bool_or("rows".seen_in_training) as is_seen,
           case when count("rows".policy) = count(*) and min("rows".policy) = max("rows".policy)
               then min("rows".policy) end as policy
    from rm_rewards(head, snapshot) as "rows"
    join _rm_golds(attribute) as golds using (response_id)
    left join _rm_datasets_without_text() as placed on placed.dataset = "rows".dataset
    where split in ("rows".split, 'all') and (dataset is null or "rows".dataset = dataset)
      and (subset is null or "rows".subset = subset)
    group by "rows".group_id, "rows".prompt_id, "rows".response_id;
