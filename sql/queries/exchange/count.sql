-- Reads every value but those of vectors, which their own check reads, so that one which does not fit its type is told.
select count(*) as n_rows, count(columns(lambda name: name <> 'embedding')) from {view};
