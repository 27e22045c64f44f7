"""Starts a crawler, the way tutorials write it."""

import boto3


def lambda_handler(event, context):
    glue = boto3.client("glue")
    glue.start_crawler(Name=event["crawlername"])
