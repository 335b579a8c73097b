create table if not exists rm.main.{vectors} (
    encoder_id integer not null, text_id uuid not null, embedding tinyint[{dim}] not null, scale float not null,
    checksum uinteger
);
comment on table rm.main.{vectors} is 'vectors of one width as int8; a text is embedded once per encoder';
comment on column rm.main.{vectors}.scale is 'what one step of the vector is worth';
comment on column rm.main.{vectors}.checksum is 'CRC-32 of the bytes of the vector and its scale';
