-- Candidates with a finite rating of the attribute, ranked within their prompt: one row per response and data set, and
-- one with data set 'all'. Equal values share the mean of their ranks, (first + last) / 2. Ranks of the pool are over
-- all prompts of the data set whose group the head did not see in training.
create or replace macro _rm_candidate_ranks(head, snapshot, attribute, split, dataset, subset) as table
    with candidates as (
        select coalesce("rows".dataset, 'all') as dataset, "rows".group_id, "rows".prompt_id, "rows".response_id,
               any_value("rows".reward)::double as reward,
               any_value("rows".n_chars) filter (placed.dataset is null) as n_chars,
               any_value(golds.gold) as gold, bool_or("rows".seen_in_training) as is_seen,
               not coalesce(bool_or("rows".seen_in_training), false) as is_new
        from rm_rewards(head, snapshot) as "rows"
        join _rm_golds(attribute) as golds using (response_id)
        left join _rm_datasets_without_text() as placed on placed.dataset = "rows".dataset
        where split in ("rows".split, 'all') and (dataset is null or "rows".dataset = dataset)
          and (subset is null or "rows".subset = subset)
        group by grouping sets (
            ("rows".dataset, "rows".group_id, "rows".prompt_id, "rows".response_id),
            ("rows".group_id, "rows".prompt_id, "rows".response_id))
    )
    select candidates.dataset, group_id, prompt_id, is_seen, is_new, reward, gold, n_chars,
           (rank() over by_reward + count(*) over by_reward) / 2 as reward_rank,
           (rank() over by_gold + count(*) over by_gold) / 2 as gold_rank,
           (rank() over by_length + count(*) over by_length) / 2 as length_rank,
           (rank() over pool_by_reward + count(*) over pool_by_reward) / 2 as reward_pool_rank,
           (rank() over pool_by_gold + count(*) over pool_by_gold) / 2 as gold_pool_rank
    from candidates
    window by_reward as (partition by candidates.dataset, prompt_id order by reward),
           by_gold as (partition by candidates.dataset, prompt_id order by gold),
           by_length as (partition by candidates.dataset, prompt_id order by n_chars),
           pool_by_reward as (partition by candidates.dataset, is_new order by reward),
           pool_by_gold as (partition by candidates.dataset, is_new order by gold);

-- Correlation of two columns, NULL where one of them does not vary; an aggregate.
create or replace macro _rm_corr(x, y) as case when min(x) < max(x) and min(y) < max(y) then corr(y, x) end;
