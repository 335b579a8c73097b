-- The votes that a head would cast: every two responses of different policies to one prompt, within a data set of the
-- snapshot. Columns as in rm_votes, and seen_in_training.

-- Temperature of what judges a group: that of the head, or by folds of the head of its fold.
create or replace macro _rm_judge_temperature(head, group_id) as (
    select heads.temperature from rm.main.heads as heads where heads.head_id = _rm_head_id(head)
);

-- prob = sigmoid(margin / temperature), as rm_win_prob has it, margin the difference of rewards; equal rewards are 0.5 and
-- ordered by id. They are stored nowhere, so preference_id is NULL. subset is that of both sides, NULL where they differ.
-- Responses whose policy nobody named are in none.
create or replace macro _rm_all_reward_votes(head, snapshot) as table
    with judges as (
        select heads.name || '@' || heads.version as reference
        from rm.main.heads as heads
        where heads.head_id = _rm_head_id(head)
    ),
    answers as (
        select "rows".dataset, "rows".prompt_id, "rows".policy, "rows".response_id, min("rows".subset) as subset,
               any_value("rows".group_id) as group_id, any_value("rows".split) as split,
               any_value("rows".n_chars) as n_chars, any_value("rows".reward)::double as reward,
               any_value("rows".seen_in_training) as is_seen
        from rm_rewards(head, snapshot) as "rows"
        where "rows".policy is not null
        group by "rows".dataset, "rows".prompt_id, "rows".policy, "rows".response_id
    ),
    -- Without it the many candidates of a lone policy would be joined with each other first, and left out then.
    sides as materialized (
        select answers.*
        from answers
        qualify min(policy) over (partition by answers.dataset, prompt_id)
            < max(policy) over (partition by answers.dataset, prompt_id)
    ),
    pairs as (
        select chosen.*, rejected.response_id as rejected_id, rejected.policy as rejected_policy,
               rejected.n_chars as rejected_chars, rejected.subset as rejected_subset,
               chosen.reward - rejected.reward as margin
        from sides as chosen
        join sides as rejected on rejected.dataset = chosen.dataset and rejected.prompt_id = chosen.prompt_id
            and rejected.policy <> chosen.policy
            and (rejected.reward < chosen.reward
                 or rejected.reward = chosen.reward
                     and (chosen.response_id, chosen.policy) < (rejected.response_id, rejected.policy))
    )
    select null::uuid as preference_id, pairs.response_id as chosen_id, pairs.rejected_id,
           1 / (1 + exp(-pairs.margin / _rm_judge_temperature(head, pairs.group_id))) as prob, pairs.margin, 1e0 as weight,
           judges.reference as annotator, 'pseudo' as source, pairs.dataset,
           case when pairs.subset = pairs.rejected_subset then pairs.subset end as subset, pairs.split, pairs.prompt_id,
           pairs.group_id, pairs.policy as chosen_policy, pairs.rejected_policy, pairs.n_chars as chosen_chars,
           pairs.rejected_chars, pairs.is_seen as seen_in_training
    from pairs
    cross join judges;

-- The same; the operator's condition may leave votes out of this one.
create or replace macro rm_reward_votes(head, snapshot) as table from _rm_all_reward_votes(head, snapshot);
comment on macro table rm_reward_votes is
    'the columns of rm_votes as a head would vote on all responses of different policies to a prompt, seen_in_training';
