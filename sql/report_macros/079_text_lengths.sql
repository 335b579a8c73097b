-- Length in characters of every response; NULL where its text was not published and a placeholder stands for it.
create or replace macro _rm_text_lengths() as table
    select responses.response_id, case when placed.response_id is null then length(responses.text) end as n_chars
    from rm.main.responses as responses
    left join _rm_without_text() as placed using (response_id);
