select count(*) filter (where is_disputed) as n_disputed from _rm_published_splits()
