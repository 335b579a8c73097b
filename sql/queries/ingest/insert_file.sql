insert into rm.main.dataset_files values (
    $file_id, $dataset_id, $path, $sha256, $format, $options, $n_rows, $n_prompts, $n_responses, $n_preferences,
    $n_ratings, $n_steps, $n_rejected, $now
)
