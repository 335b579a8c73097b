select numbered.response_id, numbered.text_id, members.embedding
from _rm_numbered as numbered
join _rm_members as members using (response_id)
where numbered.position between $first and $last
order by numbered.position;
