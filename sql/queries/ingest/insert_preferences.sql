insert into rm.main.preferences
select preference_id, chosen_id, rejected_id, prob, margin, weight, annotator, source, $dataset_id, subset, $file_id,
       row, occurrence
from _rm_votes as votes
where not exists (from rm.main.preferences as known where known.preference_id = votes.preference_id)
