-- Texts that stand for prompts and responses of which only the vectors were published; file is the beginning of its hash.
create or replace macro _rm_placeholder_prompt(file, number) as 'prompt ' || number || ' of ' || file;

create or replace macro _rm_placeholder_response(file, prompt_number, number) as
    'response ' || number || ' to ' || _rm_placeholder_prompt(file, prompt_number);

-- Data sets of which only the vectors were published: their texts are placeholders, whose lengths say nothing.
create or replace macro _rm_datasets_without_text() as table
    select datasets.dataset_id, datasets.name as dataset
    from rm.main.datasets as datasets
    left join rm.main.dataset_files as files using (dataset_id)
    group by datasets.dataset_id, datasets.name
    having bool_and(coalesce(files.format, datasets.format) = 'npy');

-- Their responses, also where votes on them are in another data set.
create or replace macro _rm_without_text() as table
    select distinct generations.response_id
    from rm.main.generations as generations
    semi join _rm_datasets_without_text() as named using (dataset_id);
