-- Every n-th vote of the file and no more than asked for: the same pairs in every run.
copy (
    select columns(* exclude (place))
    from (select *, row_number() over () - 1 as place from read_json($source, format = 'newline_delimited'))
    where place % $step = 0
    order by place
    limit $n_pairs
) to '{to}' (format json)
