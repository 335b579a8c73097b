-- A slice of the responses of both snapshots; a table, so that the engine knows how many they are.
create or replace temp table _rm_slice as
select * from _rm_places where position between $first and $last;
