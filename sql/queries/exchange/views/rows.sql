
-- One row per (response, generation), as rm_rows of the store shows them.
create or replace view "rows" as
select responses.prompt_id, prompts.group_id, responses.response_id, generations.dataset, generations.subset,
       prompts.split, generations.policy, length(responses.text) as n_chars, vectors.n_tokens, vectors.embedding
from vectors
join read_parquet('responses.parquet') as responses using (response_id)
join read_parquet('prompts.parquet') as prompts using (prompt_id)
join read_parquet('generations.parquet') as generations using (response_id);

-- One row per vote between two of the responses, as rm_pairs of the store shows them.
create or replace view pairs as
select votes.*, responses.prompt_id, prompts.group_id, prompts.split, chosen.embedding as chosen_embedding,
       rejected.embedding as rejected_embedding, length(responses.text) as chosen_chars,
       length(others.text) as rejected_chars
from read_parquet('preferences.parquet') as votes
join vectors as chosen on chosen.response_id = votes.chosen_id
join vectors as rejected on rejected.response_id = votes.rejected_id
join read_parquet('responses.parquet') as responses on responses.response_id = votes.chosen_id
join read_parquet('responses.parquet') as others on others.response_id = votes.rejected_id
join read_parquet('prompts.parquet') as prompts on prompts.prompt_id = responses.prompt_id;
