-- check: nothing refers to a prompt, response or step that is not there
-- hint:  rmstore snapshot import FOLDER --name NEW brings it back from an export; else drop the data set and ingest it
with orphans as (
    select 'prompt of response ' || response_id as example
    from rm.main.responses anti join rm.main.prompts using (prompt_id)
    union all
    select 'prompt ' || prompt_id || ' of data set ' || dataset_id
    from rm.main.prompt_sources anti join rm.main.prompts using (prompt_id)
    union all
    select 'response of generation ' || generation_id
    from rm.main.generations anti join rm.main.responses using (response_id)
    union all
    select 'chosen of preference ' || preference_id
    from rm.main.preferences
    anti join rm.main.responses on responses.response_id = preferences.chosen_id
    union all
    select 'rejected of preference ' || preference_id
    from rm.main.preferences
    anti join rm.main.responses on responses.response_id = preferences.rejected_id
    union all
    select 'response of rating ' || rating_id
    from rm.main.ratings anti join rm.main.responses using (response_id)
    union all
    select 'response of step ' || step_id
    from rm.main.steps anti join rm.main.responses using (response_id)
    union all
    select 'step of label ' || step_id
    from rm.main.step_labels anti join rm.main.steps using (step_id)
)
select example, 1 as n from orphans order by example
