create table if not exists rm.main.{vectors} (
    encoder_id integer not null, text_id uuid not null, embedding usmallint[{dim}] not null, checksum uinteger
);
comment on table rm.main.{vectors} is 'vectors of one width as float16; a text is embedded once per encoder';
comment on column rm.main.{vectors}.embedding is 'bits of IEEE binary16: sign 1, exponent 5, fraction 10';
comment on column rm.main.{vectors}.checksum is 'CRC-32 of the bytes of the vector';
