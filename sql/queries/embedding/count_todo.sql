select count(*) as n, coalesce(sum(size), 0)::bigint as n_tokens from _rm_todo;
