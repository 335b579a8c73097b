select count(*) as n_vectors, count(*) filter (not is_summed) as n_unsummed from _rm_checked;
