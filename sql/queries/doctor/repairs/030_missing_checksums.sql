-- repair: checksums that were missing
-- each:   embedding table
update rm.main.{table} set checksum = _rm_checksum({stored}) where checksum is null
