"""Leaves one row of each person in the CSV files under --source, the fullest, and writes Parquet under --target.

Two rows are of one person if their names are alike, whatever the case, the accents, the spaces and the order, their
birth dates are a slip apart at the most, and they share an email address or a phone number. What is alike to a third
row is of the same person too.
"""

import argparse

import duckdb
import tables

parser = argparse.ArgumentParser()
parser.add_argument("--source", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

found = tables.read_csv(arguments.source)
people = found.project(", ".join(f"nullif(trim({name}), '') AS {name}" for name in found.columns))
duckdb.sql(r"""
    CREATE TEMP TABLE compared AS
    SELECT
        customer_id::BIGINT AS id,
        lower(strip_accents(first_name || last_name)) AS name,
        lower(strip_accents(last_name || first_name)) AS swapped,
        birth_date,
        lower(email) AS email,
        regexp_replace(phone, '\D', '', 'g') AS phone
    FROM people
""")
duckdb.sql(r"""
    CREATE TEMP TABLE matches AS
    SELECT one.id AS one, other.id AS other
    FROM compared AS one JOIN compared AS other
    ON one.id = other.id OR (
        greatest(jaro_winkler_similarity(one.name, other.name), jaro_winkler_similarity(one.name, other.swapped)) > 0.9
        AND damerau_levenshtein(one.birth_date, other.birth_date) <= 1
        AND (one.email = other.email OR one.phone = other.phone)
    )
""")
persons = duckdb.sql("""
    WITH RECURSIVE linked AS (
        SELECT one, other FROM matches
        UNION
        SELECT linked.one, matches.other FROM linked JOIN matches ON matches.one = linked.other
    )
    SELECT one AS id, min(other) AS person FROM linked GROUP BY one
""")
filled = " + ".join(f"({name} IS NOT NULL)::INT" for name in people.columns)
kept = duckdb.sql(f"""
    SELECT people.* REPLACE (customer_id::BIGINT AS customer_id, birth_date::DATE AS birth_date)
    FROM people JOIN persons ON customer_id::BIGINT = id
    QUALIFY row_number() OVER (PARTITION BY person ORDER BY {filled} DESC, id) = 1
    ORDER BY id
""")
tables.write(kept, arguments.target)
print(f"{len(people)} rows, {len(kept)} people")
