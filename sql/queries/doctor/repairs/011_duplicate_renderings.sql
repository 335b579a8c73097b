-- repair: renderings that stood more than once
-- Those that say different things of one item are not told apart here: that would be a guess.
delete from rm.main.renderings
where rowid not in (
    select min(rowid) from rm.main.renderings group by encoder_id, item_id, part, text_id, n_tokens, n_cut)
