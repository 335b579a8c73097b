"""Write tests/golden/schema again: ``python tests/golden/refresh.py`` after a new migration."""

from pathlib import Path

import rmstore

PLACE = Path(__file__).parent / "schema"


def schema(store):
    """Return tables, columns and comments of a store, a line each."""
    tables = store.rows(
        "select table_name, comment from duckdb_tables() where database_name = 'rm' order by table_name"
    )
    lines = []
    for table in tables:
        lines.append(f"{table['table_name']}: {table['comment']}")
        columns = store.rows(
            "select column_name, data_type, is_nullable, comment from duckdb_columns() "
            "where database_name = 'rm' and table_name = $name order by column_index",
            {"name": table["table_name"]},
        )
        for column in columns:
            null = "" if column["is_nullable"] else " not null"
            comment = f" -- {column['comment']}" if column["comment"] else ""
            lines.append(f"    {column['column_name']} {column['data_type'].lower()}{null}{comment}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with rmstore.connect() as store:
        PLACE.write_text(schema(store), encoding="utf-8")
