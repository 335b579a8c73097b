select list_transform($prompts, lambda prompt: rm_prompt_text(prompt))
