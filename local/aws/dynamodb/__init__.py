"""Amazon DynamoDB: faults, and what templates say of tables."""
