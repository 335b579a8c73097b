-- Texts that stand for prompts and responses of which only the vectors were published; file is the beginning of its hash.
create or replace macro _rm_placeholder_prompt(file, number) as 'prompt ' || number || ' of ' || file;

create or replace macro _rm_placeholder_response(file, prompt_number, number) as
    'response ' || number || ' to ' || _rm_placeholder_prompt(file, prompt_number);

-- Responses of which only the vectors were published: their texts are placeholders, whose lengths say nothing.
create or replace macro _rm_without_text() as table
    select distinct generations.response_id
    from rm.main.generations as generations
    where generations.dataset_id in (
        select datasets.dataset_id
        from rm.main.datasets as datasets
        left join rm.main.dataset_files as files using (dataset_id)
        group by datasets.dataset_id
        having bool_and(coalesce(files.format, datasets.format) = 'npy'));
