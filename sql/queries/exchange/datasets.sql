select name, license, source, format from _rm_in_datasets order by name;
