"""Reads the orders under --source as they came from Brazil, and writes them clean, each once, under --target."""

import argparse

import duckdb
import tables

parser = argparse.ArgumentParser()
parser.add_argument("--source", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

orders = tables.read_csv(arguments.source)
clean = duckdb.sql("""
    SELECT DISTINCT
        order_id::BIGINT AS order_id,
        upper(trim(customer)) AS customer,
        strptime(ordered_on, '%d/%m/%Y')::DATE AS ordered_on,
        replace(replace(amount, '.', ''), ',', '.')::DECIMAL(12, 2) AS amount,
        upper(trim(state)) AS state
    FROM orders
    WHERE order_id IS NOT NULL
    ORDER BY order_id
""")
tables.write(clean, arguments.target)
print(f"{len(orders)} rows, {len(clean)} orders")
