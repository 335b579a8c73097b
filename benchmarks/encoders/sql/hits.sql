-- Every vote ranked by the head that did not see its fold; equal rewards count half.
insert into bench.hits
select $label as label, preference_id, group_id, 0.5e0 + 0.5e0 * sign(chosen - rejected) as hit
from (
    select preference_id, group_id,
           rm_score($name || '/' || rm_fold(group_id, $folds), chosen_embedding) as chosen,
           rm_score($name || '/' || rm_fold(group_id, $folds), rejected_embedding) as rejected
    from rm_pairs($snapshot)
)
