-- Length-controlled win rates of the policies of a data set, by AlpacaEval's regression (rmstore/length_control.py, which
-- _rm_length_control runs): one row per policy that faces another. Parameters as for _rm_facing. Votes whose
-- lengths nobody knows, and those on groups that the head saw in training, are left out.
create or replace macro _rm_length_controlled(
    dataset, subset, split, annotator, source, baseline, head, snapshot, steadying, seed, replicates
) as table
    with faced as (
        select faced.dataset, faced.policy, faced.baseline, faced.prompt_id, faced.group_id, faced.win,
               (faced.n_chars - faced.opponent_chars)::double as gap
        from _rm_facing(
            dataset, subset, split, annotator, source, baseline, head := head, snapshot := snapshot) as faced
        where faced.policy <> faced.opponent and faced.n_chars is not null and not coalesce(faced.is_seen, false)
    ),
    numbered as materialized (
        select faced.*, dense_rank() over (partition by faced.dataset order by faced.policy) - 1 as policy_number,
               dense_rank() over (partition by faced.dataset order by faced.prompt_id) - 1 as prompt_number,
               dense_rank() over (partition by faced.dataset order by faced.group_id) - 1 as group_number
        from faced
    ),
    hashed as (
        select numbered.dataset,
               list(distinct {'number': numbered.group_number,
                              'key': _rm_bootstrap_key(seed, numbered.group_id)}) as keys
        from numbered
        group by numbered.dataset
    ),
    judged as (
        select numbered.dataset, any_value(numbered.baseline) as baseline,
               list({'policy': policy_number, 'prompt': prompt_number, 'group_number': group_number, 'win': win, 'gap': gap}
                   order by policy_number, prompt_number, win, gap) as votes,
               list(distinct {'number': policy_number, 'policy': policy}) as policies
        from numbered
        group by numbered.dataset
    ),
    fitted as materialized (
        select judged.dataset, judged.baseline, list_sort(judged.policies) as policies,
               _rm_length_control(
                   judged.votes, list_transform(list_sort(hashed.keys), lambda one: one.key), judged.baseline <> 'all',
                   replicates, steadying) as fits
        from judged
        join hashed using (dataset)
    )
    select fitted.dataset, fitted.baseline, unnest(list_transform(policies, lambda one: one.policy)) as policy,
           unnest(fits) as fit
    from fitted;
