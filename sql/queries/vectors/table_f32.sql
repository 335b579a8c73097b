create table if not exists rm.main.{vectors} (
    encoder_id integer not null, text_id uuid not null, embedding float[{dim}] not null, checksum uinteger
);
comment on table rm.main.{vectors} is 'vectors of one width; a text is embedded once per encoder';
comment on column rm.main.{vectors}.checksum is 'CRC-32 of the bytes of the vector; null for vectors of version 0.1';
