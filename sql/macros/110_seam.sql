-- What the method seam weighs: a row per data set and negative, with its prompt's positive. level is the logarithm of
-- its likelihood, NULL where logp or n_tokens is missing, is_complete whether all of the prompt have one, size how many
-- sampled responses to the prompt are rated, excess how far the reward is above the positive's.
create or replace macro _rm_seam_pairs(head, snapshot, negatives, positive, attribute, form, alpha, policy) as table
    with made as (
        select datasets.name as dataset, generations.response_id,
               list_contains(list(generations.origin), 'reference') as is_reference,
               list_contains(list(generations.origin), if(negatives = 'pool', 'sampled', negatives)) as is_other,
               avg(case when not isfinite(generations.logp) then null
                        when alpha = 0 then generations.logp
                        when generations.n_tokens > 0 then generations.logp / generations.n_tokens::double**alpha
                   end) filter (policy is null or generations.policy = policy) as level,
               bool_or(policy is null or generations.policy = policy) as is_own
        from rm.main.generations as generations
        join rm.main.datasets as datasets using (dataset_id)
        where case when form not in ('indicator', 'hinge') then error('form is ' || form || ': indicator or hinge')
                   when positive not in ('best', 'reference')
                       then error('positive is ' || positive || ': best or reference')
                   else true end
        group by datasets.name, generations.response_id
    ),
    candidates as materialized (
        select rewards.dataset, rewards.prompt_id, rewards.response_id, any_value(rewards.split) as split,
               any_value(rewards.group_id) as group_id, min(rewards.subset) as subset,
               any_value(rewards.reward)::double as reward, bool_or(rewards.seen_in_training) as is_seen,
               any_value(golds.gold) as gold, any_value(made.level) as level,
               bool_or(made.is_reference) as is_reference, bool_or(made.is_other and made.is_own) as is_other
        from rm_rewards(head, snapshot) as rewards
        join made on made.dataset = rewards.dataset and made.response_id = rewards.response_id
        left join _rm_golds(attribute) as golds on golds.response_id = rewards.response_id
        group by rewards.dataset, rewards.prompt_id, rewards.response_id
    ),
    positives as (
        select dataset, prompt_id, response_id, reward, gold,
               count_if(is_other and gold is not null) over (partition by dataset, prompt_id) as size
        from candidates
        qualify row_number() over (
            partition by dataset, prompt_id
            order by (positive = 'best' or is_reference) desc, gold desc nulls last, response_id) = 1
            and case when positive = 'best' then gold is not null else is_reference end
    ),
    pairs as (
        select candidates.*, positives.response_id as positive_id, positives.size,
               greatest(0e0, candidates.reward - positives.reward) as excess,
               count(candidates.level) over own = count(*) over own as is_complete
        from candidates
        join positives on positives.dataset = candidates.dataset and positives.prompt_id = candidates.prompt_id
        where candidates.is_other and candidates.response_id <> positives.response_id
            and coalesce(candidates.gold < positives.gold, negatives <> 'pool')
        window own as (partition by candidates.dataset, candidates.prompt_id)
    )
    select dataset, subset, split, group_id, prompt_id, response_id, positive_id, is_seen, excess, level, is_complete,
           size
    from pairs;

-- Pairs of sampled responses that a head ranks otherwise than the ratings of an attribute, or the votes, say: one row
-- per data set, measure and group; total is the mismatches among n pairs.
create or replace macro _rm_mismatches(head, snapshot, split, dataset, subset, attribute, policy) as table
    with sampled as (
        select distinct response_id
        from rm.main.generations as generations
        where origin = 'sampled' and (policy is null or generations.policy = policy)
    ),
    pairs as (
        select 'mismatch with ratings' as measure, rated.*
        from _rm_judged_pairs(head, snapshot, split, dataset, subset, attribute) as rated
        union all
        select 'mismatch with votes', voted.*
        from _rm_judged_pairs(head, snapshot, split, dataset, subset, null) as voted
    )
    select pairs.dataset, pairs.measure, pairs.group_id, pairs.is_seen, count(*) as n, sum(1 - pairs.hit) as total
    from pairs
    semi join sampled as better on better.response_id = pairs.better_id
    semi join sampled as worse on worse.response_id = pairs.worse_id
    group by pairs.dataset, pairs.measure, pairs.group_id, pairs.is_seen;
