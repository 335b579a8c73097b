-- Texts that stand for prompts and responses of which only the vectors were published; file is the beginning of its hash.
create or replace macro _rm_placeholder_prompt(file, number) as 'prompt ' || number || ' of ' || file;

create or replace macro _rm_placeholder_response(file, prompt_number, number) as
    'response ' || number || ' to ' || _rm_placeholder_prompt(file, prompt_number);
