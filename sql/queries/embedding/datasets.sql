select name, dropped_at is not null as is_dropped from rm.main.datasets order by name;
