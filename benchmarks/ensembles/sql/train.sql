-- One head, or one ensemble, on the votes of a cell. The store's validation prompts, without those held out,
-- validate; all the others train, the store's test prompts too: here the fold is the test.
with fitted as (
    select rm_train(
               $name, chosen_id, rejected_id, snapshot := $snapshot, prompt := prompt_id,
               split := if(split = 'valid', 'valid', 'train'), head := $head, objective := $objective,
               members := $members, merge := $merge, seed := $seed, options := $options::json
           ) as result
    from study.votes
)
select result.seconds as seconds, result.n_used as n_used, result.valid_accuracy as valid_accuracy from fitted
