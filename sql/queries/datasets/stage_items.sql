-- What goes and may have vectors: responses, their steps, prompts.
create or replace temp table _rm_dropped_items as
select response_id as item_id from _rm_dropped_responses
union all
select step_id from rm.main.steps semi join _rm_dropped_responses using (response_id)
union all
select prompt_id from _rm_dropped_prompts
