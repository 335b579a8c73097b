-- Who voted: people, judges, simulations.
select source, count(*) as votes, count(distinct annotator) as annotators,
       count(*) filter (annotator is null) as votes_of_nobody_named,
       (list(distinct annotator order by annotator) filter (annotator is not null))[1:10] as first_annotators
from _rm_head_votes($head_id)
group by source
order by source
