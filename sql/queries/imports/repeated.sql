-- Members whose vectors in the match are not the same to the last bit: few, and compared one by one.
create or replace temp table _rm_suspects as
select response_id
from _rm_found
semi join _rm_members using (response_id)
group by response_id
having min(content) <> max(content);
