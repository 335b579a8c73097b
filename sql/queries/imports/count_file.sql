select count(*) as n from file;
