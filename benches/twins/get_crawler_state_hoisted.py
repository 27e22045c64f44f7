"""Tells a crawler's state, with one client for all calls."""

import boto3

glue = boto3.client("glue")


def lambda_handler(event: dict[str, str], context: object) -> dict[str, str]:
    crawler = glue.get_crawler(Name=event["crawlername"])["Crawler"]
    return {"state": crawler["State"]}
