"""An AWS on this machine: ministack, plus what it lacks. It knows nothing of what is deployed on it."""

from local.aws.ports import HOST, LocalAwsError
from local.aws.server import ACCOUNT, REGION, LocalAws

__all__ = ["ACCOUNT", "HOST", "REGION", "LocalAws", "LocalAwsError"]
