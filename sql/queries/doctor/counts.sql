-- Rows of the tables that people ask about.
select (select count(*) from rm.main.prompts) as prompts,
       (select count(*) from rm.main.responses) as responses,
       (select count(*) from rm.main.generations) as generations,
       (select count(*) from rm.main.preferences) as preferences,
       (select count(*) from rm.main.ratings) as ratings,
       (select count(*) from rm.main.steps) as steps,
       (select count(*) from rm.main.report_runs) as report_runs
