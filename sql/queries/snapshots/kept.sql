-- Snapshots whose members and vectors must stay, dropped ones that a living head was trained on among them.
select snapshot_id from _rm_kept_snapshots()
