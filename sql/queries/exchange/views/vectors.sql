-- One row per response with its vector, put together from its parts as the layout {layout} says.
create or replace view vectors as
select responses.response_id, {n_tokens} as n_tokens, {embedding} as embedding
from read_parquet('responses.parquet') as responses
{joins};
