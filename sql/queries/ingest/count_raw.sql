select count(*) as n from _rm_raw
