create or replace temp table _rm_dropped_prompts as
with kept as (
    select prompt_id from rm.main.responses anti join _rm_dropped_responses using (response_id)
),

shown as (select prompt_id from rm.main.prompt_sources where dataset_id <> $dataset_id)

select distinct prompt_id
from rm.main.prompt_sources
where dataset_id = $dataset_id
  and prompt_id not in (select prompt_id from kept)
  and prompt_id not in (select prompt_id from shown)
