drop table if exists temp._rm_steps;
drop table if exists temp._rm_ratings;
drop table if exists temp._rm_votes;
drop table if exists temp._rm_items;
drop table if exists temp._rm_records;
drop table if exists temp._rm_raw;
drop table if exists temp._rm_beside;
