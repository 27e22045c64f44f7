"""Copies the CSV files under --source into one under --target: the raw layer, as it came."""

import argparse

import tables

parser = argparse.ArgumentParser()
parser.add_argument("--source", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

# What the columns are, the crawler finds out.
rows = tables.read_csv(arguments.source)
tables.write(rows, arguments.target, "csv")
print(f"{len(rows)} rows")
