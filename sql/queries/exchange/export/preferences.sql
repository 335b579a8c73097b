select votes.preference_id::varchar as preference_id, votes.chosen_id::varchar as chosen_id,
       votes.rejected_id::varchar as rejected_id, votes.prob, votes.margin, votes.weight, votes.annotator, votes.source,
       datasets.name as dataset, votes.subset, files.file, votes."row", votes.occurrence
from rm.main.preferences as votes
join rm.main.datasets as datasets using (dataset_id)
join _rm_files as files using (file_id)
semi join _rm_votes using (preference_id)
order by votes.preference_id
