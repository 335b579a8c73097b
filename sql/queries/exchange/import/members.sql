create or replace temp view _rm_members as select response_id, prompt_id from _rm_in_responses;
