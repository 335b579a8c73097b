with labelled as (select *, _rm_number(field['label']) as label from source)

select row, subset, split, metadata,
       coalesce(problem, case
           when coalesce(label not in (1, 2), true) then '''label'' is ' || field['label'] || ', not 1 or 2'
       end) as problem,
       [_rm_response(_rm_user(field['input']), field['output_1']),
        _rm_response(_rm_user(field['input']), field['output_2'])] as responses,
       [_rm_vote(case label when 1 then 1 else 2 end, case label when 1 then 2 else 1 end)] as votes
from labelled
