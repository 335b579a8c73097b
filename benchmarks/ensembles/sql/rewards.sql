-- The held-out responses as every way to use an ensemble ranks them.
--
-- single: one head on all votes. That is the head $single where members differ in their votes, else the first member.
-- member: the first member, where that is another head. warm: the head $merged of averaged weights, where there is
-- one.
create or replace table study.rewards as
with scored as materialized (
    select response_id, prompt_id, gold, rm_score_members($ensemble, embedding) as members,
           if($single is null, null, rm_score(coalesce($single, $ensemble), embedding)) as single,
           if($merged is null, null, rm_score(coalesce($merged, $ensemble), embedding)) as merged
    from study.candidates
    where fold = $fold
),
ways as (
    select response_id, prompt_id, gold,
           unnest([{'method': 'single', 'reward': coalesce(single, members[1])::double},
                   {'method': 'member', 'reward': if(single is null, null, members[1])::double},
                   {'method': 'mean', 'reward': rm_mean(members)},
                   {'method': 'wco', 'reward': rm_wco(members)},
                   {'method': 'uwo', 'reward': rm_uwo(members, penalty := 0.5)},
                   {'method': 'warm', 'reward': merged::double}]) as way
    from scored
)
select way.method as method, response_id, prompt_id, gold, way.reward as reward from ways where way.reward is not null
