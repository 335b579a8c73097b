-- A row per response is read as a row with a list of one. Of several names for one thing the first that is there counts;
-- the others stay with the rest: numbers become ratings, and what is left becomes metadata.
with rows as (
    select *, _rm_first(record, ['prompt', 'instruction']) as prompt_name, json_type(record, '/' || prompt_name) as prompt_kind,
           record ->> ('/' || prompt_name) as prompt_text, _rm_prompt(prompt_kind, prompt_text) as prompt,
           case when prompt_kind = 'ARRAY' then _rm_chat_problem(prompt_name, prompt_text) end as chat_problem,
           _rm_first(record, ['gold', 'rewards', 'scores']) as golds_name,
           _rm_first(record, ['policy', 'model', 'generator']) as row_policy_name,
           coalesce(kind['responses'] = 'ARRAY', false) as is_many,
           case when is_many then from_json(field['responses'], '["JSON"]') else [metadata] end as items
    from source
),

items as (
    select row, record ->> ('/' || row_policy_name) as row_policy, field['annotator'] as row_annotator,
           case when is_many then from_json(record -> ('/' || golds_name), '["JSON"]') end as golds,
           unnest(items) as item, generate_subscripts(items, 1) as position
    from rows
    where problem is null
),

named as (
    select *, json_type(item) as type, json_type(item, '/ratings') as ratings_type,
           _rm_first(item, ['response', 'text', 'output', 'completion']) as text_name,
           _rm_first(item, ['policy', 'model', 'generator']) as policy_name,
           _rm_first(item, ['gold', 'reward', 'score']) as gold_name,
           case when ratings_type = 'OBJECT' then item -> '/ratings' else '{}'::json end as ratings,
           case when type = 'OBJECT' then _rm_without(item, [
               text_name, policy_name, gold_name, 'prompt', 'instruction', 'annotator', 'variant', 'origin', 'logp', 'n_tokens',
               case when ratings <> '{}' then 'ratings' end]) else '{}'::json end as rest
    from items
),

-- $attributes names the columns that are ratings; null takes the numeric ones that do not look like identifiers
numbers as (
    select *, list_filter(json_keys(rest), lambda name: case
               when $attributes is not null then list_contains($attributes, name)
               else _rm_is_number(rest, name) and name not in ('id', 'idx', 'index', 'row') and not ends_with(name, '_id')
           end) as attributes,
           list_concat([{'name': 'gold', 'said': coalesce(item ->> ('/' || gold_name), golds[position] ->> '$')}],
               _rm_said(rest, attributes), _rm_said(ratings, json_keys(ratings))) as numbers
    from named
),

grouped as (
    select row, list(_rm_without(rest, attributes) order by position) as left_overs, any_value(len(golds)) as n_golds,
           bool_or(policy_name is not null) as has_policies, bool_or(json_type(item, '/annotator') is not null) as has_annotators,
           min(case
               when type not in ('VARCHAR', 'OBJECT') then 'a response is neither a text nor an object'
               when type = 'OBJECT' and text_name is null then '''response'' is missing'
               when type = 'OBJECT' and json_type(item, '/' || text_name) <> 'VARCHAR' then '''' || text_name || ''' is not a text'
               when ratings_type not in ('OBJECT', 'NULL') then '''ratings'' is not an object'
               else '''' || list_filter(numbers, lambda n: nullif(n.said, '') is not null and _rm_number(n.said) is null)[1].name
                    || ''' is not a number'
           end) as response_problem,
           list(_rm_response(
               null::struct("role" varchar, content varchar)[],
               case when type = 'VARCHAR' then item ->> '$' else item ->> ('/' || text_name) end,
               policy := coalesce(item ->> ('/' || policy_name), row_policy), variant := item ->> '/variant',
               origin := item ->> '/origin', logp := _rm_number(item ->> '/logp'), n_tokens := try_cast(item ->> '/n_tokens' as integer),
               ratings := list_transform(numbers, lambda n: _rm_rating(
                   n.name, _rm_number(n.said), coalesce(item ->> '/annotator', row_annotator)))
           ) order by position) as responses
    from numbers
    group by row
)

select row, subset, split, _rm_no_votes() as votes,
       case when not is_many then left_overs[1] else json_merge_patch(
           _rm_without(metadata, [prompt_name, golds_name, case when not has_policies then row_policy_name end,
                                  case when not has_annotators then 'annotator' end]),
           to_json({'responses': case when list_bool_or(list_transform(left_overs, lambda object: object <> '{}'))
               then left_overs end})) end as metadata,
       coalesce(problem, chat_problem, case when prompt_name is null then '''prompt'' is missing' end, response_problem, case
           when coalesce(len(responses), 0) = 0 then '''responses'' is an empty list'
           when is_many and golds_name is not null and n_golds <> len(responses)
               then '''' || golds_name || ''' has ' || n_golds || ' numbers for ' || len(responses) || ' responses'
       end) as problem,
       list_transform(responses, lambda r: struct_update(r, messages := prompt)) as responses
from rows left join grouped using (row)
