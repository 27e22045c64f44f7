"""HTTP/1.1 as a server speaks it on one connection; parsed in C, since every microsecond here is measured too."""

import json
import socket
from collections.abc import Iterator, Mapping

import httptools


class Connection:
    """One client's connection: requests in, answers out."""

    def __init__(self, stream: socket.socket) -> None:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = stream
        self._parser = httptools.HttpRequestParser(self)
        self._complete: list[Request] = []

    def fileno(self) -> int:
        return self._stream.fileno()

    def close(self) -> None:
        self._stream.close()

    def receive(self) -> list["Request"] | None:
        """The requests that what has arrived completes; None when the client has closed."""
        try:
            data = self._stream.recv(65536)
        except ConnectionResetError:
            return None
        if not data:
            return None
        self._parser.feed_data(data)
        complete, self._complete = self._complete, []
        return complete

    def requests(self) -> Iterator["Request"]:
        """All requests until the client closes."""
        while (requests := self.receive()) is not None:
            yield from requests

    def answer(self, status: int, body: object, headers: Mapping[str, str]) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} -", f"Content-Length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._stream.sendall("\r\n".join([*lines, "", ""]).encode() + content)

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._request = Request(self)

    def on_url(self, url: bytes) -> None:
        self._request.path += url.decode()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._request.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._request.body += body

    def on_message_complete(self) -> None:
        self._request.method = self._parser.get_method().decode()
        self._complete.append(self._request)


class Request:
    """What a client asks."""

    def __init__(self, connection: Connection) -> None:
        self.method = ""
        self.path = ""
        self.headers: dict[str, str] = {}
        self.body = b""
        self.connection = connection

    def answer(self, status: int, body: object = None, **headers: str) -> None:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.answer(status, body, names)
