-- What trust needs: who lost what when data was withdrawn, how fast texts were embedded, where a snapshot came from.

drop table vector_checksums; -- every vector has its checksum beside it, see 0003

create table withdrawals (
    dataset varchar not null, snapshot_id integer, head_id integer, n bigint not null, reason varchar,
    withdrawn_at timestamp not null
);
comment on table withdrawals is 'one row per snapshot or head that a dropped data set was part of';
comment on column withdrawals.n is 'responses that the snapshot lost, or groups of prompts that the head had seen';

create table embedding_runs (
    encoder_id integer not null, n_texts bigint not null, n_tokens bigint, seconds double not null, created_at timestamp not null
);
comment on table embedding_runs is 'one row per run that embedded texts; seconds are those of the encoder alone';

create table snapshot_origins (snapshot_id integer not null, facts json not null, created_at timestamp not null);
comment on table snapshot_origins is 'what the folder of an imported snapshot says of the store that made it';
