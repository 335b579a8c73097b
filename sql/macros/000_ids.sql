-- Content ids: the first 128 bits of SHA-256 over length-prefixed fields, as UUID. Nothing is stripped or folded.
-- The number after the name is the id version that `_rm_meta` records.

create or replace macro _rm_field(x) as coalesce(strlen(x) || ':' || x, '-');

create or replace macro _rm_id(kind, body) as left(sha256('rmstore/1/' || kind || '/' || body), 32)::uuid;

create or replace macro _rm_prompt_id(messages) as _rm_id('prompt', array_to_string(
    list_transform(messages, lambda m: _rm_field(m."role") || _rm_field(m.content)), ''));

-- The first user turn; a prompt without one is its own group.
create or replace macro _rm_group_id(messages) as _rm_id('group', coalesce(
    _rm_field(list_filter(messages, lambda m: m."role" = 'user')[1].content),
    array_to_string(list_transform(messages, lambda m: _rm_field(m."role") || _rm_field(m.content)), '')));

create or replace macro _rm_response_id(prompt_id, text) as _rm_id('response',
    _rm_field(prompt_id::varchar) || _rm_field(text));
