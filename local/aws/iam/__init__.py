"""AWS Identity and Access Management: every call is held against the role that makes it."""
