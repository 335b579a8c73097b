-- A row per response is read as a row with a list of one. Of several names for one thing the first that is there counts.
-- A rating is a number, a text that is one, or an object whose Rating is one; null, an empty text and N/A are none.
with rows as (
    select *, _rm_first(record, ['prompt', 'instruction', 'source']) as prompt_name,
           json_type(record, '/' || prompt_name) as prompt_kind, record ->> ('/' || prompt_name) as prompt_text,
           case when nullif(field['context'], '') is not null then [_rm_turn('system', field['context'])] else [] end
               || _rm_prompt(prompt_kind, prompt_text) as prompt,
           case
               when prompt_name is null then '''prompt'' is missing'
               when prompt_kind = 'ARRAY' then _rm_chat_problem(prompt_name, prompt_text)
               when prompt_kind <> 'VARCHAR' then '''' || prompt_name || ''' is neither a text nor a list'
           end as prompt_problem,
           problem is null and nullif(field['completions'], '') is not null as is_many,
           case when is_many then from_json(field['completions'], '["JSON"]') else [metadata] end as items
    from source
),

items as (
    select row, field['annotator'] as row_annotator, unnest(items) as item, generate_subscripts(items, 1) as position
    from rows
    where problem is null
),

named as (
    select *, _rm_first(item, ['response', 'system_output', 'output', 'completion', 'text']) as text_name,
           _rm_first(item, ['policy', 'model', 'system_id', 'generator']) as policy_name,
           _rm_first(item, ['scores', 'annotations', 'ratings']) as holder_name, _rm_object(item, holder_name) as holder
    from items
),

said as (
    select *, list_filter($attributes, lambda name: json_exists(item, _rm_pointer(name))) as attributes,
           list_concat(
               _rm_said(item, attributes),
               list_transform(json_keys(holder), lambda name: {
                   'name': name,
                   'said': case json_type(holder, _rm_pointer(name)) when 'OBJECT' then holder ->> (_rm_pointer(name) || '/Rating')
                       else holder ->> _rm_pointer(name) end})) as said,
           list_filter(said, lambda s: nullif(s.said, '') is not null and upper(s.said) <> 'N/A') as numbers
    from named
),

grouped as (
    select row, sum(len(said)) as n_said,
           -- what is more than a number, such as a rationale, stays with the rest
           list(_rm_without(item, list_concat(attributes, [
               text_name, policy_name, 'prompt', 'instruction', 'annotator',
               case when not list_contains(json_type(holder, '$.*'), 'OBJECT') then holder_name end
           ])) order by position) as rests,
           min(case
               when json_type(item) <> 'OBJECT' then 'a response is not an object'
               when text_name is null then '''response'' is missing'
               when json_type(item, '/' || text_name) <> 'VARCHAR' then '''' || text_name || ''' is not a text'
               when holder_name is not null and coalesce(json_type(holder), '-') <> 'OBJECT'
                   then '''' || holder_name || ''' is not an object'
               else '''' || list_filter(numbers, lambda n: _rm_number(n.said) is null)[1].name || ''' is not a number'
           end) as unfit,
           list(_rm_response(
               null::struct("role" varchar, content varchar)[], item ->> ('/' || text_name),
               policy := item ->> ('/' || policy_name),
               ratings := list_transform(numbers, lambda n: _rm_rating(
                   n.name, _rm_number(n.said), coalesce(item ->> '/annotator', row_annotator)))) order by position) as responses
    from said
    group by row
)

select row, subset, split, _rm_no_votes() as votes,
       case when is_many then json_merge_patch(_rm_without(metadata, [prompt_name, 'annotator']), to_json({'completions': case
               when list_bool_or(list_transform(rests, lambda object: object <> '{}')) then rests end}))
            else _rm_without(rests[1], [prompt_name]) end as metadata,
       coalesce(problem, prompt_problem, case when coalesce(len(responses), 0) = 0 then '''completions'' is an empty list' end,
                unfit, case when n_said = 0 then 'it has no ratings' end) as problem,
       list_transform(responses, lambda r: struct_update(r, messages := prompt)) as responses
from rows
left join grouped using (row)
