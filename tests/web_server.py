"""Servers on the loopback address for the tests of fetching: a site of pages, and one that answers byte by byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from retrieval.errors import RefusedSource
from retrieval.web.fetch import Fetcher

__all__ = ["PEM", "Asked", "Page", "Site", "fetcher", "raw_server", "refusal", "site"]

# A key that guards nothing, and the certificate of "quoth.test" that it signed itself, until 2126.
PEM = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgIGXzYKgSrNI+ZFBF
JIaQMiWs8t+VsTnzc3V8znNRS1ahRANCAAQHTlp1LhKb3R3dkPYhrDvtAXVBxk+c
RyShwrhLU9Tl3pIibjvjM6omuFhN5x/ikQ5JuadWQqisTLMnQpjLI5fV
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBlzCCAT6gAwIBAgIUUXimESD36hvH6GywjmGomTD7oBswCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKcXVvdGgudGVzdDAgFw0yNjExMjIwOTE1MzhaGA8yMTI2MTAy
OTA5MTUzOFowFTETMBEGA1UEAwwKcXVvdGgudGVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABAdOWnUuEpvdHd2Q9iGsO+0BdUHGT5xHJKHCuEtT1OXekiJuO+Mz
qia4WE3nH+KRDkm5p1ZCqKxMsydCmMsjl9WjajBoMB0GA1UdDgQWBBRCbiLd9Jc5
CCgHHUR3s1G+6jRcHDAfBgNVHSMEGDAWgBRCbiLd9Jc5CCgHHUR3s1G+6jRcHDAP
BgNVHRMBAf8EBTADAQH/MBUGA1UdEQQOMAyCCnF1b3RoLnRlc3QwCgYIKoZIzj0E
AwIDRwAwRAIgCm/1K86biTQBZ1YNboftrNfxTOV2iGO4vSrxVfgiF9ICICK1eF8q
peIGxnrFvwE3v5aoHXlsJcCozPuSukfUesFr
-----END CERTIFICATE-----
"""


@dataclass(frozen=True, slots=True)
class Page:
    """What a site answers with; Content-Length is told unless the headers tell another."""

    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the server saw it."""

    path: str
    headers: Mapping[str, str]
    at: float


@dataclass(slots=True)
class Site:
    """Pages by path, which a test may add to; what was asked, in order. robots.txt is 404 unless there is one."""

    place: str
    pages: dict[str, Page | Callable[[Asked], Page]]
    asked: list[Asked] = field(default_factory=list)
    scheme: str = "http"

    def url(self, path: str, host: str | None = None) -> str:
        """The address of a page; `host` stands in for 127.0.0.1."""
        return f"{self.scheme}://{self.place.replace('127.0.0.1', host or '127.0.0.1')}{path}"

    def paths(self) -> list[str]:
        """The paths that were asked for, in order, without robots.txt."""
        return [asked.path for asked in self.asked if asked.path != "/robots.txt"]


@contextlib.contextmanager
def site(pages: Mapping[str, Page | Callable[[Asked], Page]], pem: Path | None = None) -> Iterator[Site]:
    """A site that runs inside `with`; under TLS where `pem` is the file of its key and certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = Asked(self.path, dict(self.headers), time.monotonic())
            here.asked.append(asked)
            page = here.pages.get(self.path, Page(status=404))
            page = page if isinstance(page, Page) else page(asked)
            self.send_response(page.status)
            for name, value in {"Content-Length": str(len(page.body)), **page.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(page.body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 64
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Clients that hang up are what is tested."""

    server = Server(("127.0.0.1", 0), Handler)
    if pem is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    here = Site(f"127.0.0.1:{server.server_port}", dict(pages), scheme="http" if pem is None else "https")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def raw_server(opening: bytes, drip: bytes = b"", every: float = 0.05, *, reads: bool = True) -> Iterator[str]:
    """The host and port of a server that sends `opening`, then a byte of `drip` at a time for ever, or holds its peace.

    To robots.txt it answers 404 at once. Where it does not read (`reads`), it waits for no request.
    """
    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if reads and b"GET /robots.txt" in connection.recv(65_536):
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                return
            connection.sendall(opening)
            position = 0
            while not over.wait(every):
                if drip:
                    connection.sendall(drip[position % len(drip) :][:1])
                    position += 1

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    host, port = listening.getsockname()
    try:
        yield f"{host}:{port}"
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def fetcher(*allowed: str, **limits: Any) -> Fetcher:
    """A fetcher that need not wait its turn."""
    return Fetcher(allowed=allowed, **{"seconds_between": 0.0, "seconds": 10.0, **limits})


def refusal(url: str, *allowed: str, **limits: Any) -> str:
    """The one line that a fetch is refused with."""
    with pytest.raises(RefusedSource) as caught:
        fetcher(*allowed, **limits).fetch(url)
    line = str(caught.value)
    assert "\n" not in line
    assert "expected" in line
    assert "found" in line
    return line
