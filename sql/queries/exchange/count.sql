select count(*) as n_rows from {view};
