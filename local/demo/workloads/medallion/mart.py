"""Counts the purchases of the silver table for each combination of the columns --by: one mart under --target."""

import argparse

import duckdb
import tables

parser = argparse.ArgumentParser()
parser.add_argument("--by", required=True)
parser.add_argument("--database", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

purchases = tables.read(arguments.database, "silver_purchase_all")
# A row that has none of the columns tells nothing here: a product that nobody bought has no residence.
mart = duckdb.sql(f"""
    SELECT {arguments.by}, count(purchase_id) AS purchases, sum(quantity)::BIGINT AS quantity, sum(amount) AS amount
    FROM purchases
    WHERE coalesce({", ".join(f"{column}::VARCHAR" for column in arguments.by.split(","))}) IS NOT NULL
    GROUP BY {arguments.by}
    ORDER BY {arguments.by}
""")
tables.write(mart, arguments.target)
print(f"{len(mart)} rows")
