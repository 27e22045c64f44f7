"""Policies of IAM, as its calls take them."""

import json
from collections.abc import Mapping
from typing import Any


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
