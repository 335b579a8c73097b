-- What needs no head, on every response: nothing, its length, who wrote it, and gold itself.
create or replace table study.rewards as
with ways as (
    select response_id, prompt_id, gold,
           unnest([{'method': 'random', 'reward': 0e0},
                   {'method': 'longest', 'reward': n_chars::double},
                   {'method': 'policy', 'reward': policy_gold},
                   {'method': 'oracle', 'reward': gold}]) as way
    from study.candidates
)
select way.method as method, response_id, prompt_id, gold, way.reward as reward from ways where way.reward is not null
