create or replace temp table _rm_homes as
select name as dataset, dataset_id from rm.main.datasets where dropped_at is null;
