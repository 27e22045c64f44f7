"""This project on the local AWS: its templates are deployed, its pipelines run on workloads of their own."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
