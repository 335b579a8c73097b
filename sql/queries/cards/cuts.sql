-- Texts of the snapshot's responses that did not fit the encoder's window.
select count(*) as texts, count_if(renderings.n_cut > 0) as texts_cut
from rm.main.snapshots as snapshots
join rm.main.snapshot_members as members using (snapshot_id)
join rm.main.renderings as renderings
    on renderings.item_id = members.response_id and renderings.encoder_id = snapshots.encoder_id
    and contains(snapshots.layout, renderings.part)
where snapshots.snapshot_id = $snapshot_id and renderings.n_cut is not null
having count(*) > 0
