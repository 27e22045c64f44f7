"""A report that nobody can be sent: the mail server is down."""


def handler(event: dict[str, str], context: object) -> None:
    raise ConnectionError(f"no mail about {event['mart']}")
