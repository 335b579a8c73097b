delete from rm.main.prompts where prompt_id in (select prompt_id from _rm_dropped_prompts)
