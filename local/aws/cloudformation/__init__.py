"""AWS CloudFormation: resources that it lacks."""
