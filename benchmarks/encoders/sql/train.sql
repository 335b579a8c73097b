-- A linear head per fold, on the votes of the other folds; of these the store's validation prompts choose the penalty.
with fitted as (
    select rm_train(
               $name || '/' || fold, chosen_id, rejected_id, snapshot := $snapshot, prompt := prompt_id,
               split := if(split = 'valid', 'valid', 'train')
           ) as result
    from rm_pairs($snapshot), range($folds) as folds(fold)
    where rm_fold(group_id, $folds) <> fold
    group by fold
)
select sum(result.n_used)::bigint as n_used, sum(result.seconds) as seconds from fitted
