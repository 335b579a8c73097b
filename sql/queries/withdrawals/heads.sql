select head, n_groups from _rm_withdrawn_heads order by head
