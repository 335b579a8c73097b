with trained as (
    select rm_train('tour-' || kind, chosen_id, rejected_id, head := kind,
                    snapshot := 'tour@1', prompt := prompt_id,
                    split := split, options := options) as result
    from rm_pairs('tour@1')
    cross join (values ('linear', '{}'), ('mlp', '{}'),
                       ('lightgbm', '{"threads": 1}')) as kinds(kind, options)
    group by kind, options
)
select result.head, result.version, result.is_new, result.n_used as used,
       round(result.train_accuracy, 3) as train,
       round(result.valid_accuracy, 3) as valid,
       round(result.test_accuracy, 3) as test,
       round(result.seconds, 2) as seconds
from trained
order by result.head
