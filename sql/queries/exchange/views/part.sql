join (
    select item_id, n_tokens, {floats} as embedding
    from read_parquet({file})
) as {part} on {part}.item_id = responses.{item}
