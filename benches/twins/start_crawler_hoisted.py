"""Starts a crawler, with one client for all calls."""

import boto3

glue = boto3.client("glue")


def lambda_handler(event: dict[str, str], context: object) -> None:
    glue.start_crawler(Name=event["crawlername"])
