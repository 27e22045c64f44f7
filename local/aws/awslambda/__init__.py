"""AWS Lambda: what functions are, and how they fail."""
