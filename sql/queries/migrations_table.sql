-- Made before the first migration, in the same transaction.
create table rm.main._rm_migrations (
    number integer not null, name varchar not null, sha256 varchar not null, applied_at timestamp not null,
    rmstore_version varchar not null
);
comment on table rm.main._rm_migrations is 'migrations that this store has, with the hash of their text'
