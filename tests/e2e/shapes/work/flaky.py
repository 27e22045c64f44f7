"""Fails when it runs first, as after a lost connection; then does what load.py does."""

import argparse
import sys

import boto3
import tables

parser = argparse.ArgumentParser()
parser.add_argument("--source", required=True)
parser.add_argument("--target", required=True)
parser.add_argument("--marker", required=True)
arguments, _ = parser.parse_known_args()

if not list(tables.keys(arguments.marker)):
    bucket, _, key = arguments.marker.removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"")
    sys.exit("the connection was lost")
tables.write(tables.read_csv(arguments.source), arguments.target)
