-- Functions that are SQL: their parameters and text, one row per form. is_ours is false for those that a user made.
select function_name as name, parameters, macro_definition as "text",
       database_name <> 'rm' and regexp_matches(function_name, '^_?rm_') as is_ours
from duckdb_functions()
where not internal and macro_definition is not null
order by name, "text"
