select distinct response_id from _rm_members;
