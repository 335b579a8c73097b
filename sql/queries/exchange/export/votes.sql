-- The votes that rm_pairs shows.
create or replace temp table _rm_votes as
select preference_id, file_id
from rm.main.preferences as votes
where list_contains($dataset_ids::integer[], dataset_id)
  and chosen_id in (select response_id from _rm_members)
  and rejected_id in (select response_id from _rm_members);
