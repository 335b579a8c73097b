-- How the turns of a prompt become the text that encoders read, and the id of a rendered text.

-- A single user turn is its content; other conversations name the speaker of each turn.
create or replace macro rm_prompt_text(messages) as
    case
        when len(messages) = 1 and messages[1]."role" = 'user' then messages[1].content
        else array_to_string(list_transform(messages, lambda m:
            case m."role"
                when 'user' then 'Human'
                else upper(left(m."role", 1)) || substr(m."role", 2)
            end || ': ' || m.content), chr(10) || chr(10))
    end;
comment on macro rm_prompt_text is 'the turns of a prompt as the text that encoders read';

create or replace macro _rm_text_id(text) as _rm_id('text', _rm_field(text));

-- The text of a prompt that is a text already, a list of turns, or either as JSON.
create or replace macro _rm_any_prompt_text(prompt) as
    case json_type(to_json(prompt))
        when 'VARCHAR' then to_json(prompt) ->> '$'
        when 'ARRAY' then coalesce(
            rm_prompt_text(try_cast(to_json(prompt) as struct("role" varchar, content varchar)[])),
            error('a prompt is a text, or a list of turns with role and content'))
        else case when prompt is not null then error('a prompt is a text, or a list of turns with role and content') end
    end;
