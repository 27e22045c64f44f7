"""Tells a crawler's state, with one client for all calls."""

import boto3

glue = boto3.client("glue")


def lambda_handler(event, context):
    crawler = glue.get_crawler(Name=event["crawlername"])["Crawler"]
    return {"state": crawler["State"]}
