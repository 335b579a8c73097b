-- Blocks that a table has a part of; a block that it shares with another counts for both.
select count(distinct block_id) as n_blocks from pragma_storage_info('rm.main.' || $table) where block_id >= 0
