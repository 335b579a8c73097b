copy from database rm to {database}
