"""Starts a crawler, with a client for each call, as the tutorials do."""

import boto3


def lambda_handler(event: dict[str, str], context: object) -> None:
    glue = boto3.client("glue")
    glue.start_crawler(Name=event["crawlername"])
