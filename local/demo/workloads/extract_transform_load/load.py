"""Writes the orders under --source to --target, a folder for each state: queries for one state read no other."""

import argparse

import tables

parser = argparse.ArgumentParser()
parser.add_argument("--source", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

orders = tables.read_parquet(arguments.source)
tables.write(orders, arguments.target, partition_by=["state"])
print(f"{len(orders)} orders")
