-- The file of the baselines.
select 'none' as head, 0 as n_seen, prompt_scores.* from study.prompt_scores as prompt_scores
