select column_name from (describe {source})
