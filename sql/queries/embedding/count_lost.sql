-- Members that are no responses any more.
select count(*) as n from _rm_members anti join rm.main.responses using (response_id);
