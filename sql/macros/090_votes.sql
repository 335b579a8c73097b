-- Votes as they were cast. They need no embedding and no snapshot.

-- One row per vote; prompt, group and split are those of the chosen side. A side's policy is the one that said it in the
-- vote's data set. Content is stored once, so several policies may have said the same words there: then the id of the vote,
-- which hashes the two generations, tells whose they were. NULL where nobody knows.
create or replace macro _rm_all_votes() as table
    with homes as (
        select response_id, dataset_id, min(policy) as policy,
               min(policy) is distinct from max(policy) or count(policy) not in (0, count(*)) as is_shared
        from rm.main.generations
        group by response_id, dataset_id
    ),
    votes as (
        select preferences.*, chosen.policy as chosen_home, rejected.policy as rejected_home,
               coalesce(chosen.is_shared, false) as is_chosen_shared,
               coalesce(rejected.is_shared, false) as is_rejected_shared
        from rm.main.preferences as preferences
        left join homes as chosen
            on chosen.response_id = preferences.chosen_id and chosen.dataset_id = preferences.dataset_id
        left join homes as rejected
            on rejected.response_id = preferences.rejected_id and rejected.dataset_id = preferences.dataset_id
    ),
    told as (
        select votes.preference_id, chosen.policy as chosen_policy, rejected.policy as rejected_policy
        from votes
        join rm.main.datasets as datasets using (dataset_id)
        join rm.main.generations as chosen
            on chosen.response_id = votes.chosen_id and chosen.dataset_id = votes.dataset_id
        join rm.main.generations as rejected
            on rejected.response_id = votes.rejected_id and rejected.dataset_id = votes.dataset_id
        where (votes.is_chosen_shared or votes.is_rejected_shared)
            and votes.preference_id = _rm_preference_id(
                chosen.generation_id, rejected.generation_id, datasets.name, votes.annotator, votes.source, votes.prob,
                votes.margin, votes.subset, votes.occurrence)
    )
    select votes.preference_id, votes.chosen_id, votes.rejected_id, votes.prob, votes.margin, votes.weight,
           votes.annotator, votes.source, datasets.name as dataset, votes.subset,
           coalesce(splits.split, _rm_hash_split(prompts.group_id)) as split, responses.prompt_id, prompts.group_id,
           case when votes.is_chosen_shared then told.chosen_policy else votes.chosen_home end as chosen_policy,
           case when votes.is_rejected_shared then told.rejected_policy else votes.rejected_home end as rejected_policy,
           length(responses.text) as chosen_chars, length(others.text) as rejected_chars
    from votes
    join rm.main.datasets as datasets using (dataset_id)
    join rm.main.responses as responses on responses.response_id = votes.chosen_id
    join rm.main.responses as others on others.response_id = votes.rejected_id
    join rm.main.prompts as prompts on prompts.prompt_id = responses.prompt_id
    left join _rm_published_splits() as splits using (group_id)
    left join told using (preference_id);
-- The same; a report's folds or the operator's condition may leave votes out of this one.
create or replace macro rm_votes() as table from _rm_all_votes();
comment on macro table rm_votes is
    'a row per vote of the store, snapshot or not: the preference, dataset, split, ids, policy and chars of both sides';
