-- Snapshot {reference} as views of plain DuckDB; rmstore is not needed. Start duckdb in this folder and say
--     .read rows.sql
-- or, from elsewhere, first:  set file_search_path = 'path of this folder';

