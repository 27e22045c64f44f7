"""Show what a run has left behind: tables and their rows, and objects."""

from duckdb import DuckDBPyRelation
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local.aws import LocalAws
from local.demo.workloads import tables

FEW = 20  # rows that are shown
ANY_WIDTH = 1000
NUMBERS = ("int", "bigint", "double")


def show_tables(aws: LocalAws, console: Console, database: str) -> None:
    found = aws.client("glue").get_tables(DatabaseName=database)["TableList"]
    for table in sorted(found, key=lambda table: table["CreateTime"]):
        descriptor, parameters = table["StorageDescriptor"], table["Parameters"]
        console.print(f"[bold]table[/]      {database}.{table['Name']}")
        rows = tables.read(database, table["Name"], aws.client)
        show_rows(console, rows, [(column["Name"], column["Type"]) for column in descriptor["Columns"]])
        count, kind = parameters["recordCount"], parameters["classification"]
        console.print(f"{count} rows of {kind} in {descriptor['Location']}\n", soft_wrap=True)


def show_files(aws: LocalAws, console: Console, location: str) -> None:
    """What lies in Parquet files that no table is made of."""
    rows = tables.read_parquet(location, aws.client)
    console.print(f"[bold]files[/]      {location}")
    show_rows(console, rows, [(name, str(kind).lower()) for name, kind in zip(rows.columns, rows.types, strict=True)])


def show_rows(console: Console, rows: DuckDBPyRelation, columns: list[tuple[str, str]]) -> None:
    """The columns, and the rows below them if these are few and the terminal is wide enough."""
    whole = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for name, kind in columns:
        whole.add_column(f"{name}\n[cyan]{kind}[/]", justify="right" if kind in NUMBERS else "left")
    if len(rows) <= FEW:
        for row in rows.fetchall():
            whole.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
        if console.measure(whole, options=console.options.update(max_width=ANY_WIDTH)).maximum <= console.width:
            console.print(whole)
            return
    listed = Table()
    listed.add_column("column")
    listed.add_column("type", style="cyan")
    for column in columns:
        listed.add_row(*column)
    console.print(listed)


def show_objects(aws: LocalAws, console: Console, bucket: str) -> None:
    console.print("[bold]objects[/]")
    for item in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]:
        console.print(f"  {item['Size']:>8}  s3://{bucket}/{escape(item['Key'])}", soft_wrap=True)
