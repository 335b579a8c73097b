checkpoint {database}
