"""AWS Glue: crawlers that crawl, jobs that run."""
