with trained as (
    select rm_train('tour-fold-' || fold, chosen_id, rejected_id,
                    snapshot := 'tour@1', prompt := prompt_id,
                    split := 'train') as result
    from rm_pairs('tour@1')
    cross join range(5) as folds(fold)
    where rm_fold(group_id, k := 5) <> fold
    group by fold
)
select result.head, result.version, result.is_new, result.n_used as used,
       round(result.train_accuracy, 3) as train
from trained
order by result.head
