-- How many items of each kind the members have.
select (select count(*) from _rm_members) as n_responses,
       (select count(distinct prompt_id) from _rm_members) as n_prompts,
       (select count(*) from rm.main.steps semi join _rm_members using (response_id)) as n_steps;
