-- Where a run collects what it measured: facts by row of the table, and votes ranked right by row.
create schema bench;
create table bench.facts (
    place INTEGER, label VARCHAR, what VARCHAR, layout VARCHAR, options VARCHAR, bytes_per_response DOUBLE,
    texts_per_response DOUBLE, texts_per_second DOUBLE, n_cut BIGINT, encoder_key VARCHAR
);
create table bench.hits (label VARCHAR, preference_id UUID, group_id UUID, hit DOUBLE)
