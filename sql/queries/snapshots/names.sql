select distinct name from rm.main.snapshots where dropped_at is null order by name;
