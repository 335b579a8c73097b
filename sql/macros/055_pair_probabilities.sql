-- What a head says of votes as probabilities, on the temperature stored with it: one row per vote, blind to which of
-- its sides is called chosen. gap = the difference of rewards before any temperature, conf = P(the side with the higher
-- reward wins), ok = the share of the vote on that side (0.5 where rewards are equal), with nll and brier of the vote
-- and the entropy of conf, which is what nll would be on average if conf were true. is_new is false where the head is
-- known to have seen a side's group in training.
-- head is an exact version, such as 'helpful@3'; split 'all', dataset NULL and subset NULL take everything.
create or replace macro _rm_softplus(x) as greatest(x, 0e0) + ln(1e0 + exp(-abs(x)));

create or replace macro _rm_vote_nll(logit, prob) as
    prob * _rm_softplus(-(logit)) + (1 - prob) * _rm_softplus(logit);

create or replace macro _rm_pair_probabilities(head, snapshot, split, dataset, subset) as table
    with temperatures as (
        select heads.temperature
        from rm.main.heads as heads
        where heads.name || '@' || heads.version = head and heads.dropped_at is null
    ),
    rewards as (
        select response_id, reward, is_seen from _rm_response_rewards(head, snapshot)
    ),
    gaps as (
        select votes.dataset, votes.split, votes.group_id, votes.prob, temperatures.temperature,
               chosen.reward - rejected.reward as gap, chosen.is_seen or rejected.is_seen as is_seen
        from rm_pairs(snapshot) as votes
        join rewards as chosen on chosen.response_id = votes.chosen_id
        join rewards as rejected on rejected.response_id = votes.rejected_id
        cross join temperatures
        where split in (votes.split, 'all') and (dataset is null or votes.dataset = dataset)
          and (subset is null or votes.subset = subset)
    ),
    folded as (
        select gaps.*, gap / temperature as logit, 1 / (1 + exp(-abs(gap / temperature))) as conf,
               0.5e0 + sign(gap) * (prob - 0.5e0) as ok
        from gaps
    )
    select folded.dataset, folded.split, folded.group_id, folded.temperature, folded.gap, folded.prob, folded.is_seen,
           not coalesce(folded.is_seen, false) as is_new, folded.conf, folded.ok,
           _rm_vote_nll(logit, folded.prob) as nll, (1 / (1 + exp(-folded.logit)) - folded.prob)**2 as brier,
           folded.conf * _rm_softplus(-abs(logit)) + (1 - folded.conf) * _rm_softplus(abs(logit)) as entropy
    from folded;

-- One row: the temperature of least NLL on the snapshot's valid split, whatever a condition leaves out of rm_pairs.
create or replace macro _rm_fitted_temperature(head, snapshot) as table
    with rewards as (
        select response_id, reward from _rm_response_rewards(head, snapshot)
    )
    select _rm_best_temperature(list({'gap': chosen.reward - rejected.reward, 'prob': votes.prob}
               order by votes.preference_id)) as fitted_temperature
    from _rm_all_pairs(snapshot) as votes
    join rewards as chosen on chosen.response_id = votes.chosen_id
    join rewards as rejected on rejected.response_id = votes.rejected_id
    where votes.split = 'valid';

-- Bin 1 .. bins of equal width on [0.5, 1].
create or replace macro _rm_conf_bin(conf, bins) as
    case when bins between 1 and 1000 then least(floor((conf - 0.5e0) * 2 * bins)::integer, bins - 1) + 1
        else error('bins is ' || bins || ': 1 to 1000; 15 is usual') end;
