attach {file} as {database} ({options})
