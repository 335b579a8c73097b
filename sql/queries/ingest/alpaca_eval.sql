-- Both outputs may be the same text, and the reference is the same in every file: content is stored once.
with graded as (
    select *, _rm_number(field['preference']) - 1 as win_prob, coalesce(field['annotator'], 'judge') as judge
    from source
),

clipped as (select *, least(greatest(win_prob, 1e-6), 1 - 1e-6) as clipped from graded)

select row, subset, split, metadata,
       coalesce(problem, case
           when win_prob is null then '''preference'' is empty'
           when not win_prob between 0 and 1 then '''preference'' is ' || field['preference'] || ', not between 1 and 2'
       end) as problem,
       [_rm_response(_rm_user(field['instruction']), field['output_1'], policy := field['generator_1'], origin := 'reference'),
        _rm_response(
            _rm_user(field['instruction']), field['output_2'], policy := field['generator_2'],
            ratings := [_rm_rating('win_prob', win_prob, judge),
                        _rm_rating('gold', case when clipped between 0 and 1 then ln(clipped / (1 - clipped)) end, judge)])
       ] as responses,
       [_rm_vote(2, 1, prob := win_prob, annotator := judge, source := 'judge')] as votes
from clipped
