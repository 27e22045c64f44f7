"""Copies the exports of the dimensions --names under --source to a folder each under --target: as they came."""

import argparse

import tables

parser = argparse.ArgumentParser()
parser.add_argument("--names", required=True)
parser.add_argument("--source", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

for name in arguments.names.split(","):
    rows = tables.read_csv(f"{arguments.source}{name}.csv")
    tables.write(rows, f"{arguments.target}{name}/", "csv")
    print(f"{name}: {len(rows)} rows")
