create table if not exists rm.main.{vectors} (
    encoder_id integer not null, text_id uuid not null, embedding float[{dim}] not null
);
comment on table rm.main.{vectors} is 'vectors of one width; a text is embedded once per encoder';
