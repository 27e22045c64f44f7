"""AWS Step Functions, where the engine differs from it."""
