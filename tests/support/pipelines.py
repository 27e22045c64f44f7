"""Pipelines of a test, deployed as anyone's are."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.demo.deploy import deploy_pipelines
from tests.support.stack import Stack


def deploy_pipeline(stack: Stack, pipeline: Mapping[str, Any]) -> None:
    """A stack of its own for what starts it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{pipeline['name']}.json"
        file.write_text(json.dumps(pipeline))
        deploy_pipelines(stack.aws, f"{stack.NAME}-{pipeline['name']}", [file], {}, machinery=stack.NAME)
