"""Copies what lies under --source to --target, byte by byte: what came stays provable."""

import argparse
from urllib.parse import urlparse

import boto3
import tables

parser = argparse.ArgumentParser()
parser.add_argument("--source", required=True)
parser.add_argument("--target", required=True)
arguments, _ = parser.parse_known_args()

s3 = boto3.client("s3")
source, target = urlparse(arguments.source), urlparse(arguments.target)
for key in tables.keys(arguments.source):
    name = key[len(source.path.lstrip("/")) :]
    copy = {"Bucket": source.netloc, "Key": key}
    s3.copy_object(CopySource=copy, Bucket=target.netloc, Key=target.path.lstrip("/") + name)
    print(name)
