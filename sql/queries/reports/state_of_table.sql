-- A table of the store as one row that changes when any of its rows does. hash() may change with the engine, whose version
-- stands beside this.
select $name::varchar as kind, count(*) as n, sum(hash(held))::varchar as content from rm.main.{table} as held
