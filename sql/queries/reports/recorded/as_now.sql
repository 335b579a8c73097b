-- Rows of a text file in the types of the rows that a run has now; what does not fit its type is an error.
create or replace temp table rows_then as select * from rows_now limit 0;
insert into rows_then by name select * from rows_read;
