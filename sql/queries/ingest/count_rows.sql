-- Rows are numbered by their place; last_row tells whether none is left out.
select count(*) as n_rows, count(problem) as n_bad, coalesce(max(row), 0) as last_row from _rm_records
