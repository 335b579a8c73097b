-- Vectors of texts, rendered as snapshots render them: of a text alone, or of a response to a prompt, which is a text or a
-- list of turns. The encoder is its name, or a snapshot, whose layout the vector then has. The vector is a FLOAT[]; cast it,
-- such as rm_embed(...)::float[384], where it meets vectors of fixed width.
create or replace macro rm_embed
    (encoder, text) as _rm_embed(encoder, text),
    (encoder, prompt, response) as _rm_embed(encoder, _rm_any_prompt_text(prompt), response);
comment on macro rm_embed is
    'the vector of a text, or of a response to a prompt, by an encoder or as a snapshot has it';
