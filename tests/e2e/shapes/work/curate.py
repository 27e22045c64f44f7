"""Writes the valid rows of a catalogued table, in the types that its crawler found, as Parquet under --target."""

import argparse

import tables

parser = argparse.ArgumentParser()
parser.add_argument("--database", required=True)
parser.add_argument("--table", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

rows = tables.read(arguments.database, arguments.table)
tables.write(rows.filter("user_id IS NOT NULL"), arguments.target)
