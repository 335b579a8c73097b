-- The responses that are ranked: one row per distinct response of the snapshot with a gold rating, its prompt's fold
-- and the gold that its policies have on average in the prompts of the other folds. study is a catalog in memory.
create or replace table study.candidates as
with members as (
    select distinct response_id, prompt_id, group_id, n_chars, embedding from rm_rows($snapshot)
),
golds as (
    select response_id, avg(value) as gold from ratings where attribute = 'gold' group by response_id
),
rated as (
    select members.*, golds.gold, rm_fold(members.group_id, $folds) as fold from members join golds using (response_id)
),
policies as (
    select distinct rated.response_id, rated.fold, rated.gold, "rows".policy
    from rm_rows($snapshot) as "rows"
    join rated using (response_id)
    where "rows".policy is not null
),
levels as (
    select policy, fold, sum(sum(gold)) over (partition by policy) - sum(gold) as total,
           sum(count(*)) over (partition by policy) - count(*) as n
    from policies
    group by policy, fold
),
guesses as (
    select policies.response_id, avg(levels.total / nullif(levels.n, 0)) as policy_gold
    from policies
    join levels using (policy, fold)
    group by policies.response_id
)
select rated.*, guesses.policy_gold
from rated
left join guesses using (response_id)
order by rated.prompt_id, rated.response_id
