-- One vector per response: of several that agree, the least.
create or replace temp table _rm_members as
select matched.response_id, responses.prompt_id, min(matched.embedding)::float[{dim}] as embedding,
       max(matched.embedding)::float[{dim}] as other
from _rm_matched as matched
join rm.main.responses as responses using (response_id)
group by matched.response_id, responses.prompt_id;
