-- The annotator of one cell: votes on pairs of the prompts outside the held-out fold.
create or replace table study.votes as
from rm_simulate_preferences(
    $snapshot, quality := $quality, across := $across, per_prompt := $per_prompt, seed := $seed, fold := $fold,
    folds := $folds)
