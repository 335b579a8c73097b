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

create or replace macro _rm_generation_id(response_id, dataset, subset, policy, variant, origin) as _rm_id('generation',
    _rm_field(response_id::varchar) || _rm_field(dataset) || _rm_field(subset) || _rm_field(policy)
    || _rm_field(variant) || _rm_field(origin));

-- A vote is on two generations, so that equal texts of other policies are other votes; the occurrence tells otherwise
-- identical votes of one file apart.
create or replace macro _rm_preference_id(
    chosen_generation, rejected_generation, dataset, annotator, source, prob, margin, subset, occurrence
) as _rm_id('preference',
    _rm_field(chosen_generation::varchar) || _rm_field(rejected_generation::varchar) || _rm_field(dataset) || _rm_field(annotator)
    || _rm_field(source) || _rm_field(prob::double::varchar) || _rm_field(margin::double::varchar) || _rm_field(subset)
    || _rm_field(occurrence::varchar));

create or replace macro _rm_rating_id(response_id, dataset, attribute, annotator, value) as _rm_id('rating',
    _rm_field(response_id::varchar) || _rm_field(dataset) || _rm_field(attribute) || _rm_field(annotator)
    || _rm_field(value::double::varchar));

create or replace macro _rm_step_id(response_id, step, text) as _rm_id('step',
    _rm_field(response_id::varchar) || _rm_field(step::integer::varchar) || _rm_field(text));
