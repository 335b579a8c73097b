-- What the store holds, as one row that changes when the data do: files by hash, rows by count and by their ids, which hash
-- their content. hash() may change with the engine, whose version stands beside this.
select (select list(sha256 order by sha256) from rm.main.dataset_files) as files,
       (select [count(*), bit_xor(hash(preference_id))] from rm.main.preferences) as preferences,
       (select [count(*), bit_xor(hash(rating_id, value))] from rm.main.ratings) as ratings,
       (select [count(*), bit_xor(hash(step_id, source, label))] from rm.main.step_labels) as step_labels,
       (select [count(*), bit_xor(hash(response_id, policy, subset))] from rm.main.generations) as generations,
       (select [count(*), bit_xor(hash(prompt_id, dataset_id, subset, split))] from rm.main.prompt_sources) as sources,
       (select count(*) from rm.main.withdrawals) as n_withdrawals
