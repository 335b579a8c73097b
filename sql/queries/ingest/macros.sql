-- The parts of a record, for the adapters. Temporary: they live as long as the connection that ingests.

create or replace temp macro _rm_turn(speaker, said) as struct_pack("role" := speaker::varchar, content := said::varchar);

create or replace temp macro _rm_user(said) as [_rm_turn('user', said)];

-- A task and the input that goes with it, where there is one.
create or replace temp macro _rm_task(instruction, input) as
    _rm_user(instruction || coalesce(e'\n\n' || nullif(input, ''), ''));

-- Turns of a JSON list of messages; _rm_chat_problem says whether it is one.
create or replace temp macro _rm_chat(list) as
    from_json(list, '[{"role": "VARCHAR", "content": "VARCHAR"}]')::struct("role" varchar, content varchar)[];

-- A prompt that is a text or a list of messages.
create or replace temp macro _rm_prompt(kind, said) as
    case kind when 'VARCHAR' then _rm_user(said) when 'ARRAY' then _rm_chat(said) end;

-- Why the text of a column is no list of messages, or null. A wildcard path gives the types of what is there.
create or replace temp macro _rm_chat_problem(name, list) as
    case
        when json_array_length(list) = 0 then '''' || name || ''' is an empty list'
        when list_filter(json_type(list, '$[*].role'), lambda kind: kind = 'VARCHAR').len() <> json_array_length(list)
            then '''' || name || ''' has a message without a role'
        when list_filter(json_type(list, '$[*].content'), lambda kind: kind = 'VARCHAR').len() <> json_array_length(list)
            then '''' || name || ''' has a message whose content is not a text'
    end;

-- True where messages hold more than role and content; the column then stays in the metadata.
create or replace temp macro _rm_chat_has_more(list) as
    list_bool_or(list_transform(
        json_keys(list, '$[*]'), lambda keys: list_has_any(list_transform(
            keys, lambda key: key not in ('role', 'content')), [true])));

-- A number as csv and JSON write it; an empty text is none.
create or replace temp macro _rm_number(said) as try_cast(said as double);

-- Values of a rating that is not there are left out by the fan-out.
create or replace temp macro _rm_rating(name, number, by_whom := null) as
    struct_pack(attribute := name::varchar, annotator := by_whom::varchar, value := number::double);

-- A step of a response, what is said of it (1 is right, 0 is wrong, null is nothing) and who says so.
create or replace temp macro _rm_step(said, verdict := null, by_whom := null) as
    struct_pack(text := said::varchar, label := verdict::double, source := by_whom::varchar);

create or replace temp macro _rm_response(
    turns, said, policy := null, variant := null, origin := 'sampled', logp := null, n_tokens := null, ratings := null,
    steps := null
) as struct_pack(
    messages := turns, text := said::varchar, policy := policy::varchar, variant := variant::varchar,
    origin := origin::varchar, logp := logp::double, n_tokens := n_tokens::integer,
    ratings := ratings::struct(attribute varchar, annotator varchar, value double)[],
    steps := steps::struct(text varchar, label double, source varchar)[]
);

-- Which responses a row lists, in the order of its lists. Texts that are equal are one response, and items may share
-- responses, so that nothing else says what stood where.
create or replace temp macro _rm_listed(turns, chosen, rejected) as {
    'chosen_ids': list_transform(chosen, lambda said: _rm_response_id(_rm_prompt_id(turns), said)),
    'rejected_ids': list_transform(rejected, lambda said: _rm_response_id(_rm_prompt_id(turns), said))
}::json;

-- The texts of two lists of a row, and why they are none.
create or replace temp macro _rm_texts(list) as from_json(list, '["VARCHAR"]');

create or replace temp macro _rm_lists_problem(chosen, rejected) as
    case
        when json_array_length(chosen) = 0 then '''chosen'' is an empty list'
        when json_array_length(rejected) = 0 then '''rejected'' is an empty list'
        when len(list_filter(list_concat(json_type(chosen, '$[*]'), json_type(rejected, '$[*]')),
                             lambda type: type <> 'VARCHAR')) > 0 then 'a response is not a text'
    end;

-- chosen and rejected are positions in the list of responses, counted from 1.
create or replace temp macro _rm_vote(
    better, worse, prob := 1, margin := null, weight := 1, annotator := null, source := 'human'
) as struct_pack(
    chosen := better::integer, rejected := worse::integer, prob := prob::double, margin := margin::double,
    weight := weight::double, annotator := annotator::varchar, source := source::varchar
);

-- Every one of the first n_chosen responses against every one of the n_rejected after them.
create or replace temp macro _rm_votes_across(n_chosen, n_rejected) as
    flatten(list_transform(range(1, n_chosen + 1), lambda i: list_transform(
        range(n_chosen + 1, n_chosen + n_rejected + 1), lambda j: _rm_vote(i, j, source := 'constructed'))));

create or replace temp macro _rm_no_votes() as list_filter([_rm_vote(1, 1)], lambda vote: false);

-- Turns of a transcript in the style of HH-RLHF. Text before the first turn is a system turn.
create or replace temp macro _rm_transcript(said) as
    list_filter(
        flatten(list_transform(string_split(said, e'\n\nHuman: '), lambda part, i: list_transform(
            string_split(part, e'\n\nAssistant: '), lambda turn, j: _rm_turn(
                case when j > 1 then 'assistant' when i > 1 then 'user' else 'system' end, turn)))),
        lambda turn: turn."role" <> 'system' or turn.content <> '');
