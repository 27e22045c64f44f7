"""Cleanses the table --table: trims text, drops empty and repeated rows, writes Parquet under --target."""

import argparse

import tables

parser = argparse.ArgumentParser()
parser.add_argument("--database", required=True)
parser.add_argument("--table", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

rows = tables.read(arguments.database, arguments.table)
names = ['"{}"'.format(name.replace('"', '""')) for name in rows.columns]
text = [str(kind) == "VARCHAR" for kind in rows.types]
cells = [f"trim({name}) AS {name}" if is_text else name for name, is_text in zip(names, text)]
filled = " OR ".join(f"{name} IS NOT NULL" for name in names)
cleansed = rows.filter(filled).project(", ".join(cells)).distinct().order(", ".join(names))
tables.write(cleansed, arguments.target)
print(f"{len(rows)} rows, {len(cleansed)} left")
