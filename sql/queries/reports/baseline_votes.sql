-- Decided votes between the numbered responses, in an order that depends on their ids alone: the fold of each side's
-- group where it is in the training split (-1 elsewhere), and whether a guess is asked for.
with "groups" as (
    select items.response_id, items.item,
           case when coalesce(published.split, _rm_hash_split(prompts.group_id)) = 'train'
               then rm_fold(prompts.group_id, $folds) else -1 end::tinyint as fold
    from _rm_baseline_items as items
    join rm.main.responses as responses using (response_id)
    join rm.main.prompts as prompts using (prompt_id)
    left join _rm_published_splits() as published using (group_id)
)
select votes.preference_id::varchar as preference_id, chosen.item as chosen, rejected.item as rejected,
       chosen.fold as chosen_fold, rejected.fold as rejected_fold,
       asked.preference_id is not null as is_judged
from _rm_all_pairs($snapshot) as votes
join "groups" as chosen on chosen.response_id = votes.chosen_id
join "groups" as rejected on rejected.response_id = votes.rejected_id
left join _rm_baseline_asked as asked on asked.preference_id = votes.preference_id::varchar
where votes.prob > 0.5e0
order by md5(votes.preference_id::varchar)
