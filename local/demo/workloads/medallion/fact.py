"""Copies the export --source of the purchases to --target: those up to and including the day --date."""

import argparse

import duckdb
import tables

parser = argparse.ArgumentParser()
parser.add_argument("--date", required=True)
parser.add_argument("--source", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

purchases = tables.read_csv(arguments.source)
until = duckdb.sql("FROM purchases WHERE purchased_at::DATE <= $date::DATE", params={"date": arguments.date})
tables.write(until, arguments.target, "csv")
print(f"{len(until)} of {len(purchases)} rows")
