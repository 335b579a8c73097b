select item_id, size, _rm_text_id(text) as text_id, text, n_tokens, n_cut from _rm_rendered;
