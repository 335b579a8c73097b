-- The text of a response is its steps with a line break between each two. A row may say how right each step is (labels), or
-- which step is the first wrong one (counted from 0; null and -1 say that there is none), after which nothing is said.
with read as (
    select *, _rm_first(record, ['prompt', 'input', 'question', 'problem']) as prompt_name,
           json_type(record, '/' || prompt_name) as prompt_kind, record ->> ('/' || prompt_name) as prompt_text,
           case when prompt_kind = 'ARRAY' then _rm_chat_problem(prompt_name, prompt_text) end as chat_problem,
           _rm_first(record, ['policy', 'model', 'generator']) as policy_name,
           from_json(field['steps'], '["VARCHAR"]') as texts, json_type(field['steps'], '$[*]') as types,
           from_json(nullif(field['labels'], ''), '["JSON"]') as labels,
           case when kind['mistake_index'] is not null then 'mistake_index' when kind['label'] is not null then 'label' end
               as mistake_name,
           nullif(case mistake_name when 'mistake_index' then field['mistake_index'] else field['label'] end, '') as mistake
    from source
    where problem is null
),

numbered as (
    select *, nullif(_rm_number(mistake), -1) as first_wrong, list_transform(labels, lambda label: case json_type(label)
               when 'BOOLEAN' then label::boolean::double when 'NULL' then null else _rm_number(label ->> '$') end) as verdicts,
           list_filter(labels, lambda label: json_type(label) not in ('NULL', 'BOOLEAN') and not coalesce(
               json_type(label) <> 'VARCHAR' and _rm_number(label ->> '$') between 0 and 1, false)) as unfit
    from read
),

traced as (
    select row, prompt_name, policy_name, _rm_prompt(prompt_kind, prompt_text) as turns, texts, case
               when prompt_name is null then '''prompt'' is missing'
               when chat_problem is not null then chat_problem
               when prompt_kind not in ('VARCHAR', 'ARRAY') then '''' || prompt_name || ''' is not a text'
               when len(texts) = 0 then '''steps'' is an empty list'
               when list_bool_or(list_transform(types, lambda type: type <> 'VARCHAR')) then 'a step is not a text'
               when labels is not null and mistake is not null
                   then '''labels'' and ''' || mistake_name || ''' are both given, and may say different things'
               when len(labels) <> len(texts) then '''labels'' has ' || len(labels) || ' labels for ' || len(texts) || ' steps'
               when len(unfit) > 0 then '''labels'' holds ' || unfit[1] || '; a label is from 0 to 1, or null'
               when not coalesce(first_wrong between 0 and len(texts) - 1 and first_wrong = floor(first_wrong), true)
                   then '''' || mistake_name || ''' is ' || mistake || ', and the steps are counted from 0 to ' || len(texts) - 1
           end as unfit,
           case
               when labels is not null then verdicts
               when mistake_name is not null then list_transform(texts, lambda said, i: case
                   when first_wrong is null or i - 1 < first_wrong then 1 when i - 1 = first_wrong then 0 end)
           end as verdicts,
           case when nullif(field['answer'], '') is not null and nullif(field['target'], '') is not null
               then [_rm_rating('gold', (trim(field['answer'], e' \t\r\n') = trim(field['target'], e' \t\r\n'))::integer)]
           end as ratings
    from numbered
)

select row, subset, split, _rm_without(metadata, [prompt_name, policy_name]) as metadata, coalesce(problem, unfit) as problem,
       [_rm_response(
            turns, array_to_string(texts, e'\n'), policy := record ->> ('/' || policy_name), ratings := ratings,
            steps := list_transform(texts, lambda said, i: _rm_step(said, verdicts[i], $label_source)))] as responses,
       _rm_no_votes() as votes
from source
left join traced using (row)
