"""The server's own endpoints under /_local/, and answers that never come.

Wraps ministack's ASGI application, so it is bound to the same address and nothing else.

    GET    /_local/server   {"pid": …}
    GET    /_local/calls    {name: {Glue operation: count}};  DELETE forgets them
    GET    /_local/allowed  [[role, action]]: what roles were allowed;  DELETE forgets it
    GET    /_local/denied   the same of what they were denied
    POST   /_local/events   puts the event of the body on the default bus, as it is
    POST   /_local/schedules/<group>/<name>  delivers the schedule now, as if due at the body's "at"
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import ministack.app
from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.http_stream import HTTPStream

from local.aws import faults, patching
from local.aws.eventbridge import events
from local.aws.iam import authorization
from local.aws.scheduler import schedules

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

original = patching.names(ministack.app, "app")

PREFIX = "/_local/"
SCHEDULES = "schedules/"


def install() -> None:
    patching.replace(ministack.app, app=app)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        await original.app(scope, receive, send)
    elif scope["path"].startswith(PREFIX):
        await _answer(scope, receive, send)
    else:
        await original.app(scope, receive, _withholding(receive, send))


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    status = 200
    answer: Any = {}
    match scope["method"], scope["path"].removeprefix(PREFIX):
        case "GET", "server":
            answer = {"pid": os.getpid()}
        case "GET", "calls":
            answer = faults.calls()
        case "DELETE", "calls":
            faults.forget_calls()
        case "GET", "allowed":
            answer = authorization.allowed()
        case "DELETE", "allowed":
            authorization.forget_allowed()
        case "GET", "denied":
            answer = authorization.denied()
        case "DELETE", "denied":
            authorization.forget_denied()
        case "POST", "events":
            try:
                await asyncio.to_thread(events.put, json.loads(await _body(receive)))
            except ValueError as error:
                status, answer = 400, {"message": str(error)}
        case "POST", path if path.startswith(SCHEDULES):
            try:
                await asyncio.to_thread(_fire, path.removeprefix(SCHEDULES), json.loads(await _body(receive)))
            except (ValueError, schedules.NotFiredError) as error:
                status, answer = 400, {"message": str(error)}
        case _:
            status = 404
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"application/json")],
        }
    )
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


def _fire(path: str, how: dict[str, str | None]) -> None:
    group, _, name = path.partition("/")
    at = how.get("at")
    schedules.fire(group, name, datetime.fromisoformat(at).astimezone(UTC) if at else None)


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _withholding(receive: Receive, send: Send) -> Send:
    """`send`, but an answer marked by module faults never leaves: the connection is closed instead."""
    withheld = False

    async def send_or_withhold(message: dict[str, Any]) -> None:
        nonlocal withheld
        if message["type"] == "http.response.start":
            marks = [value for name, value in message["headers"] if name == faults.WITHHOLD.encode()]
            withheld = bool(marks)
            if marks == [b"hang"]:
                while (await receive())["type"] != "http.disconnect":
                    pass
            if withheld:
                await _close(send)
            if any(name == faults.FOREIGN.encode() for name, _ in message["headers"]):
                kept = (b"content-type", b"content-length")
                message["headers"] = [header for header in message["headers"] if header[0].lower() in kept]
        if not withheld:
            await send(message)

    return send_or_withhold


async def _close(send: Send) -> None:
    """Closes the connection; ASGI has no way to say so, hypercorn's stream behind `send` has."""
    stream = getattr(send, "__self__", None)
    if not isinstance(stream, HTTPStream):
        raise patching.PatchingError("hypercorn's send is not a method of its HTTP stream")
    await stream.send(StreamClosed(stream_id=stream.stream_id))
