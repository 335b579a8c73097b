-- Responses with steps whose texts are among the damaged ones; a table of the name that embedding reads.
create or replace temp table _rm_members as
select distinct responses.response_id, responses.prompt_id
from rm.main.renderings as renderings
semi join _rm_damaged using (text_id)
join rm.main.steps as steps on steps.step_id = renderings.item_id
join rm.main.responses as responses using (response_id)
where renderings.encoder_id = $encoder_id and renderings.part = 'step'
