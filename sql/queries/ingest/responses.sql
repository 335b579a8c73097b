-- A row per response is read as a row with a list of one. Of several names for one thing the first that is there counts;
-- the others stay with the rest: numbers become ratings, and what is left becomes metadata.
with rows as (
    select *, coalesce(kind['responses'] = 'ARRAY', false) as is_many, _rm_first(record, ['prompt', 'instruction']) as prompt_name,
           _rm_first(record, ['gold', 'rewards', 'scores']) as golds_name,
           _rm_first(record, ['policy', 'model', 'generator']) as row_policy
    from source
),

asked as (
    select *, record ->> ('/' || prompt_name) as prompt_text, json_type(record, '/' || prompt_name) as prompt_kind
    from rows
),

items as (
    select row, is_many, record ->> ('/' || row_policy) as row_policy, field['annotator'] as row_annotator,
           case when is_many then from_json(record -> ('/' || golds_name), '["JSON"]') end as golds,
           unnest(case when is_many then from_json(field['responses'], '["JSON"]') else [metadata] end) as item,
           unnest(range(1, 1 + case when is_many then json_array_length(field['responses'])::bigint else 1 end)) as position
    from rows
    where problem is null
),

named as (
    select *, json_type(item) as type, golds[position] as row_gold,
           _rm_first(item, ['response', 'text', 'output', 'completion']) as text_name,
           _rm_first(item, ['policy', 'model', 'generator']) as policy_name,
           _rm_first(item, ['gold', 'reward', 'score']) as gold_name,
           case when json_type(item, '/ratings') = 'OBJECT' then item -> '/ratings' else '{}'::json end as ratings
    from items
),

rests as (
    select *, case when type = 'OBJECT' then _rm_without(item, list_filter(
               [text_name, policy_name, gold_name, 'prompt', 'instruction', 'annotator', 'variant', 'origin', 'logp', 'n_tokens',
                case when ratings <> '{}' then 'ratings' end], lambda name: name is not null)) else '{}'::json end as rest
    from named
),

-- $attributes names the columns that are ratings; null takes the numeric ones that do not look like identifiers
rated as (
    select *, list_filter(json_keys(rest), lambda name: case
               when $attributes is not null then list_contains($attributes, name)
               else _rm_is_number(rest, name) and name not in ('id', 'idx', 'index', 'row') and not ends_with(name, '_id')
           end) as attributes
    from rests
),

numbers as (
    select *, _rm_without(rest, attributes) as left_over, coalesce(item ->> '/annotator', row_annotator) as annotator,
           case when type = 'VARCHAR' then item ->> '$' else item ->> ('/' || text_name) end as text,
           list_concat(
               [{'name': 'gold', 'said': coalesce(item ->> ('/' || gold_name), row_gold ->> '$')}],
               list_transform(attributes, lambda name: {'name': name, 'said': rest ->> _rm_pointer(name)}),
               list_transform(json_keys(ratings), lambda name: {'name': name, 'said': ratings ->> _rm_pointer(name)})
           ) as numbers
    from rated
),

grouped as (
    select row, any_value(is_many) as is_many, list(left_over order by position) as left_overs, any_value(len(golds)) as n_golds,
           bool_or(policy_name is not null) as has_policies, bool_or(json_type(item, '/annotator') is not null) as has_annotators,
           min(case
               when type not in ('VARCHAR', 'OBJECT') then 'a response is neither a text nor an object'
               when type = 'OBJECT' and text_name is null then '''response'' is missing'
               when type = 'OBJECT' and json_type(item, '/' || text_name) <> 'VARCHAR' then '''' || text_name || ''' is not a text'
               when json_type(item, '/ratings') not in ('OBJECT', 'NULL') then '''ratings'' is not an object'
               else list_transform(list_filter(numbers, lambda n: nullif(n.said, '') is not null and _rm_number(n.said) is null),
                                   lambda n: '''' || n.name || ''' is not a number')[1]
           end) as problem,
           list(_rm_response(
               null::struct("role" varchar, content varchar)[], text,
               policy := coalesce(item ->> ('/' || policy_name), row_policy), variant := item ->> '/variant',
               origin := item ->> '/origin', logp := _rm_number(item ->> '/logp'),
               n_tokens := try_cast(item ->> '/n_tokens' as integer),
               ratings := list_transform(numbers, lambda n: _rm_rating(n.name, _rm_number(n.said), annotator))
           ) order by position) as responses
    from numbers
    group by row
),

prompts as (
    select asked.*, grouped.problem as response_problem, responses, left_overs, n_golds,
           list_filter([prompt_name, golds_name, case when not has_policies then row_policy end,
                        case when not has_annotators then 'annotator' end], lambda name: name is not null) as stored,
           case prompt_kind when 'VARCHAR' then _rm_user(prompt_text) when 'ARRAY' then _rm_chat(prompt_text) end as prompt,
           case when prompt_kind = 'ARRAY' then _rm_chat_problem(prompt_name, prompt_text) end as chat_problem
    from asked
    left join grouped using (row)
)

select row, subset, split, _rm_no_votes() as votes,
       case
           when not is_many then left_overs[1]
           when list_bool_and(list_transform(left_overs, lambda object: object = '{}'))
               then _rm_without(metadata, list_append(stored, 'responses'))
           else json_merge_patch(_rm_without(metadata, stored), to_json({'responses': left_overs}))
       end as metadata,
       case
           when problem is not null then problem
           when prompt_name is null then '''prompt'' is missing'
           when chat_problem is not null then chat_problem
           when coalesce(len(responses), 0) = 0 then '''responses'' is an empty list'
           when response_problem is not null then response_problem
           when is_many and golds_name is not null and n_golds <> len(responses)
               then '''' || golds_name || ''' has ' || n_golds || ' numbers for ' || len(responses) || ' responses'
       end as problem,
       list_transform(responses, lambda r: _rm_response(
           prompt, r.text, policy := r.policy, variant := r.variant, origin := r.origin, logp := r.logp,
           n_tokens := r.n_tokens, ratings := r.ratings)) as responses
from prompts
