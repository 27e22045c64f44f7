"""Amazon EventBridge: events of AWS, and deliveries that fail."""
