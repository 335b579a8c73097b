-- What rm_trajectory_rewards is made of.

-- Cosine as double; NULL for a vector of length 0.
create or replace macro _rm_cosine(a, b) as
    case when not isnan(array_cosine_similarity(a, b)) then array_cosine_similarity(a, b)::double end;

-- Sum of the scores that are there, weighted by weight * exp(score), weights renormalised; NULL where none is there.
create or replace macro _rm_fused(scores, weights) as
    list_sum(list_transform(list_zip(scores, weights), lambda one: one[1] * one[2] * exp(one[1])))
        / nullif(list_sum(list_transform(list_zip(scores, weights), lambda one:
            case when one[1] is not null then one[2] * exp(one[1]) end)), 0);

-- alpha times the trajectory's reward; without a head that is 0 by default, and an error where alpha asks for it.
create or replace macro _rm_times(alpha, reward, is_scored) as
    case
        when is_scored then coalesce(alpha, 1)::double * reward
        when coalesce(alpha, 0) <> 0 then error('alpha is ' || alpha || ' but there is no head: give head := ''name''')
        else 0e0
    end;
