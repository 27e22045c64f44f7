"""Glue, as far as it is called here: over TLS, because the handshake is most of a first call."""

import json
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import certifi
import trustme

from benches.wire import Connection

ROOT = Path(__file__).parents[1]
# A crawler under way: what nearly every look finds. Neither Rust nor Python then asks for more.
CRAWLER = json.loads((ROOT / "functions/get-crawler-state/samples/get-crawler-stopping.json").read_text())
ANSWERS = {"AWSGlue.StartCrawler": {}, "AWSGlue.GetCrawler": CRAWLER}
# More than a function keeps open that makes a client for each call.
CONNECTIONS = 1000
REQUEST_ID = "0f2d6b3a-6f4e-4a64-8d0c-3c2f3a1f9b57"


class GlueStub:
    """Answers on a free port of the loopback, each connection in a thread of its own.

    The certificate is like those of AWS's endpoints: RSA 2048, signed by an intermediate. `bundle` holds
    its root among those that every system trusts, since reading them is part of a cold start.
    """

    def __init__(self, directory: Path) -> None:
        root = trustme.CA(key_type=trustme.KeyType.RSA)
        certificate = root.create_child_ca(key_type=trustme.KeyType.RSA).issue_cert(
            "localhost", key_type=trustme.KeyType.RSA
        )
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.set_alpn_protocols(["http/1.1"])
        certificate.configure_cert(self._tls)
        self.bundle = directory / "roots.pem"
        self.bundle.write_bytes(Path(certifi.where()).read_bytes() + root.cert_pem.bytes())
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"https://localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        # To start a thread takes a tenth of a first call: the pool has them waiting.
        with ThreadPoolExecutor(max_workers=CONNECTIONS) as threads:
            while True:
                threads.submit(self._serve, self._listener.accept()[0])

    def _serve(self, stream: socket.socket) -> None:
        try:
            with self._tls.wrap_socket(stream, server_side=True) as secured:
                for request in Connection(secured).requests():
                    request.answer(
                        200,
                        ANSWERS[request.headers["x-amz-target"]],
                        Content_Type="application/x-amz-json-1.1",
                        x_amzn_RequestId=REQUEST_ID,
                    )
        except (ConnectionError, ssl.SSLError):
            # A killed function says no goodbye.
            stream.close()
