"""AWS CloudTrail: data events of S3."""
