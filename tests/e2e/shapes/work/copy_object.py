"""Copies the object --source to --target."""

import argparse

import boto3

parser = argparse.ArgumentParser()
parser.add_argument("--source", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

# Not by urllib: a key may have question marks in it.
(source, key), (target, copy) = (
    each.removeprefix("s3://").split("/", 1) for each in (arguments.source, arguments.target)
)
boto3.client("s3").copy_object(CopySource={"Bucket": source, "Key": key}, Bucket=target, Key=copy)
