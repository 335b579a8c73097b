-- What only this data set holds: responses that no other set generated, rated or compared, prompts that no other set shows.
create or replace temp table _rm_dropped_responses as
with held as (
    select response_id from rm.main.generations where dataset_id <> $dataset_id
    union
    select response_id from rm.main.ratings where dataset_id <> $dataset_id
    union
    select chosen_id from rm.main.preferences where dataset_id <> $dataset_id
    union
    select rejected_id from rm.main.preferences where dataset_id <> $dataset_id
),

own as (
    select response_id from rm.main.generations where dataset_id = $dataset_id
    union
    select response_id from rm.main.ratings where dataset_id = $dataset_id
)

select response_id from own anti join held using (response_id)
