select response_id from _rm_members order by response_id;
