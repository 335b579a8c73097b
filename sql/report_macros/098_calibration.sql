-- Votes with what a head says of them (055), the temperature that suits it best and the bin of their confidence: every
-- vote once per row of the report calibration that it counts in, with 'all' for totals.
create or replace macro _rm_calibration_cells(head, snapshot, split, dataset, subset, bins) as table
    select if(by_dataset, votes.dataset, 'all') as dataset, if(by_split, votes.split, 'all') as split, group_id,
           temperature, fitted_temperature, is_seen, is_new, conf, ok, nll, brier, entropy,
           _rm_vote_nll(gap / fitted_temperature, prob) as fitted_nll, _rm_conf_bin(conf, bins) as bin
    from _rm_pair_probabilities(head, snapshot, split, dataset, subset) as votes
    cross join _rm_fitted_temperature(head, snapshot)
    cross join (select unnest([true, false]) as by_dataset)
    cross join (select unnest(case when split = 'all' then [true, false] else [true] end) as by_split);
