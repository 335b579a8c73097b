-- The passages are a system turn, title first, an empty line between each two; the question is the user's turn.
-- Comparisons are in the order 1-2, 1-3, 1-4, 2-3, 2-4, 3-4. The errors of prediction 1 are counted by type.
with read as (
    select *, from_json(nullif(field['passages'], ''), '[["VARCHAR"]]') as passages,
           from_json(field['preference'], '["VARCHAR"]') as verdicts,
           nullif(field['feedback'], '')::json as feedback, feedback ->> '/corrected-prediction' as corrected,
           list_transform(from_json(feedback -> '/errors', '["JSON"]'), lambda e: lower(e ->> '/error type')) as errors,
           json_array_length(feedback, '/missing-info') as n_missing
    from source
    where problem is null
),

checked as (
    select row, verdicts, feedback, corrected, n_missing, errors, case
               when list_bool_or(list_transform(passages, lambda p:
                   coalesce(len(list_filter(p, lambda sentence: sentence is not null)), 0) = 0))
                   then 'a passage is not a list of texts'
               when len(verdicts) <> 6 then '''preference'' has ' || len(verdicts) || ' comparisons, not 6'
               when list_bool_or(list_transform(verdicts, lambda v: not coalesce(v in ('0', '1', '2'), false)))
                   then '''preference'' holds something other than 0, 1 and 2'
               when list_bool_or(list_transform(errors, lambda error: error is null)) then 'an error has no type'
           end as unfit,
           case when len(passages) > 0 then [_rm_turn('system', array_to_string(list_transform(passages, lambda p:
               array_to_string(case when starts_with(p[2], p[1] || e'\n') then p[2:]
                   else [p[1] || coalesce(e'\n' || p[2], '')] || p[3:] end, ' ')), e'\n\n'))] else [] end as context,
           list_transform(
               list_concat(['irrelevant', 'wrong-grounding', 'unverifiable', 'redundant', 'incoherent'], list_sort(list_filter(
                   list_distinct(errors), lambda type: type not in (
                       'irrelevant', 'wrong-grounding', 'unverifiable', 'redundant', 'incoherent')))),
               lambda type: _rm_rating(type, 0 - len(list_filter(errors, lambda error: error = type))::bigint)) as ratings
    from read
),

prompted as (
    select source.*, checked.* exclude (row), context || _rm_user(field['question']) as turns
    from source
    left join checked using (row)
)

select row, subset, split,
       json_merge_patch(
           metadata, {'feedback': json_merge_patch(feedback, '{"corrected-prediction": null}'::json)}::json) as metadata,
       coalesce(problem, unfit) as problem,
       [_rm_response(turns, field['prediction 1'],
                     ratings := list_concat(
                         case when errors is not null then ratings end,
                         case when n_missing is not null then [_rm_rating('missing-info', 0 - n_missing::bigint)] end)),
        _rm_response(turns, field['prediction 2']),
        _rm_response(turns, field['prediction 3']),
        _rm_response(turns, field['prediction 4'])]
       || case when nullif(field['gold'], '') is null then []
               else [_rm_response(turns, field['gold'], origin := 'reference')] end
       || case when nullif(corrected, '') is null then []
               else [_rm_response(turns, corrected, origin := 'augmented')] end as responses,
       list_transform(verdicts, lambda v, i: _rm_vote(
           [1, 1, 1, 2, 2, 3][i], [2, 3, 4, 3, 4, 4][i], prob := case v when '0' then 0.5 when '1' then 1 else 0 end)) as votes,
       case when corrected = '' then ['corrected predictions that are empty, left out'] end as remarks
from prompted
