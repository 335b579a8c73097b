-- Members of the folder that are no responses here any more.
select count(*) as n from _rm_in_responses anti join rm.main.responses using (response_id)
