"""Writes the CSV under --source under --target, as --kind."""

import argparse

import tables

parser = argparse.ArgumentParser()
parser.add_argument("--source", required=True)
parser.add_argument("--target", required=True)
parser.add_argument("--kind", default="parquet")
arguments, _ = parser.parse_known_args()

tables.write(tables.read_csv(arguments.source), arguments.target, arguments.kind)
