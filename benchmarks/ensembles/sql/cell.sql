-- The file of a cell.
select facts.*, prompt_scores.* from study.prompt_scores as prompt_scores cross join study.facts as facts
