with scored as (
    select prompt_id, response_id,
           rm_score('tour-fold-' || rm_fold(group_id, k := 5), embedding)
               as reward
    from rm_rows('tour@1')
),
rated as (
    select scored.prompt_id, reward, ratings.value as gold
    from scored
    join ratings using (response_id)
    where ratings.attribute = 'gold'
),
picked as (
    select prompt_id, max_by(gold, reward) as picked, avg(gold) as mean,
           max(gold) as best
    from rated
    group by prompt_id
)
select count(*) as prompts, round(avg(mean), 2) as gold_of_all,
       round(avg(picked), 2) as gold_of_picked,
       round(avg(best), 2) as gold_of_best
from picked
