-- Each vector stands beside the CRC-32 of its bytes as stored, little-endian; null where it was stored before.
-- each: embedding table
alter table rm.main.{table} add column checksum uinteger;
comment on column rm.main.{table}.checksum is 'CRC-32 of the bytes of the vector; null for vectors of version 0.1';
