"""Joins all purchases, customers and products to one table under --target; who bought nothing, and what nobody
bought, is in it too."""

import argparse

import duckdb
import tables

parser = argparse.ArgumentParser()
parser.add_argument("--database", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

purchases = tables.read(arguments.database, "bronze_purchases")
customers = tables.read(arguments.database, "bronze_customers")
products = tables.read(arguments.database, "bronze_products")
joined = duckdb.sql("""
    SELECT
        purchase_id,
        purchased_at,
        strftime(purchased_at, '%Y-%m') AS month,
        customer_id,
        customers.name AS customer,
        date_sub('year', birth_date, purchased_at::DATE) // 10 * 10 AS age_group,
        postcode,
        city,
        product_id,
        products.name AS product,
        quantity,
        quantity * price AS amount
    FROM purchases FULL JOIN customers USING (customer_id) FULL JOIN products USING (product_id)
    ORDER BY purchase_id, customer_id, product_id
""")
tables.write(joined, arguments.target)
print(f"{len(joined)} rows")
