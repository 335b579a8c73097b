-- Reads every value, so that one which does not fit its type is told here.
select count(*) as n_rows, count(columns(*)) from {view};
