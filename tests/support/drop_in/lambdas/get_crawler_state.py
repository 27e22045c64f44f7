"""Tells the state of a crawler, the way tutorials write it."""

import boto3


def lambda_handler(event, context):
    glue = boto3.client("glue")
    crawler = glue.get_crawler(Name=event["crawlername"])["Crawler"]
    return {"state": crawler["State"]}
