"""Tells a crawler's state, with a client for each call, as the tutorials do."""

import boto3


def lambda_handler(event: dict[str, str], context: object) -> dict[str, str]:
    glue = boto3.client("glue")
    crawler = glue.get_crawler(Name=event["crawlername"])["Crawler"]
    return {"state": crawler["State"]}
