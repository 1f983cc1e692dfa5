"""A page by its URL, over HTTP: at addresses that may be reached, within limits, politely, and only if it changed."""

from __future__ import annotations

import http
import http.client
import re
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from urllib.parse import urljoin

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, IncompleteRead, InvalidChunkLength, ProtocolError
from urllib3.response import HTTPResponse
from urllib3.util.url import Url, parse_url

from retrieval.datamodel import Validators
from retrieval.errors import RefusedSource
from retrieval.web.guard import PORTS, Deadline, Guard, parsed, unpacked
from retrieval.web.robots import LARGEST_ROBOTS_BYTES, Pace, Robots

__all__ = ["USER_AGENT", "Fetched", "Fetcher", "normalised"]

USER_AGENT = "Quoth/0.1 (quotes documents word for word and names the source)"
MOST_REDIRECTS = 5
_CHUNK_BYTES = 16_384
_REDIRECTS = {301, 302, 303, 307, 308}
_WHOLE = {200, 203}
_FIELD = re.compile(r"[\x20-\x7e\x80-\xff]{1,1000}")  # of a header, as http.client gives and takes it
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_STATUS_ADVICE = {
    401: "the page needs a login: save it by hand",
    403: "the site lets no program read it: save it by hand",
    404: "check the address",
    410: "check the address",
    429: "try again later",
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server gave for a URL: `url` is where it was found, after redirects, and `raw` as it was before packing.

    `media_type` is in lower case without parameters, empty where the server did not tell; `encoding` is its charset.
    """

    url: str
    media_type: str
    encoding: str | None
    raw: bytes
    validators: Validators


def normalised(url: str) -> str:
    """The URL as a key: scheme and host in lower case, IDNA, no fragment, no default port, no dot segments.

    `RefusedSource` where it is no http or https URL, or holds a name and password, which no message then shows.
    """
    return parsed(url).url


class Fetcher:
    """Fetches pages, from any thread; all that goes wrong with a URL is a `RefusedSource`, one line without secrets.

    `allowed` names what may be reached though it is not public, each as "host:port". `seconds` is the limit of a fetch
    over all redirects, without the time it waits its turn; `largest_bytes` that of the page, unpacked or not;
    `seconds_between` what lies between the starts of two requests to a host, unless its robots.txt wants more.
    """

    def __init__(
        self,
        *,
        allowed: Collection[str] = (),
        user_agent: str = USER_AGENT,
        seconds: float = 30,
        largest_bytes: int = 20_000_000,
        seconds_between: float = 1.0,
    ) -> None:
        self._guard = Guard(allowed)
        self._robots = Robots(user_agent)
        self._pace = Pace()
        self._user_agent = user_agent
        self._seconds = seconds
        self._largest_bytes = largest_bytes
        self._seconds_between = seconds_between

    def fetch(
        self,
        url: str,
        validators: Validators = Validators(),  # noqa: B008 - it is frozen
        *,
        over: threading.Event | None = None,
    ) -> Fetched | None:
        """What is at the URL now; None where the server says that it is as it was under `validators` (RFC 9110, 13).

        `CancelledError` where `over` is set while it waits its turn.
        """
        asked = normalised(url)
        deadline = Deadline(self._seconds)
        conditions = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
        headers = {name: kept for name, value in conditions.items() if (kept := _kept(value))}
        over = over or threading.Event()
        answer = self._answer(asked, headers, deadline, over, gap=partial(self._gap, deadline=deadline, over=over))
        if answer.status == http.HTTPStatus.NOT_MODIFIED and headers:
            return None
        if answer.status not in _WHOLE:
            advice = _STATUS_ADVICE.get(answer.status, "try again later" if answer.status >= 500 else "check it")
            raise RefusedSource(asked, f"expected a page, found HTTP {_status(answer.status)}; {advice}")
        content_type = answer.headers.get("content-type", "")
        charset = _CHARSET.search(content_type)
        return Fetched(
            url=answer.url,
            media_type=content_type.partition(";")[0].strip().lower(),
            encoding=charset[1].lower() if charset else None,
            raw=answer.raw,
            validators=Validators(*(_kept(answer.headers.get(name)) for name in ("etag", "last-modified"))),
        )

    # One request after another

    def _gap(self, url: str, deadline: Deadline, over: threading.Event) -> float:
        """The seconds since the last request to the site that its robots.txt and our own manners want."""

        def read(robots: str) -> tuple[int, bytes]:
            found = self._answer(robots, {}, deadline, over, gap=lambda _: self._seconds_between, is_robots=True)
            return found.status, found.raw

        place = parse_url(url)
        return max(self._seconds_between, self._robots.delay(url, f"{place.scheme}://{place.netloc}", read))

    def _answer(
        self,
        url: str,
        headers: Mapping[str, str],
        deadline: Deadline,
        over: threading.Event,
        *,
        gap: Callable[[str], float],
        is_robots: bool = False,
    ) -> _Answer:
        """The answer at the end of the redirects; where one of them is refused, the refusal names it."""
        here, seen = url, set[str]()
        try:
            for _ in range(MOST_REDIRECTS + 1):
                if here in seen:
                    raise RefusedSource(here, "expected a page, found redirects in a circle; check the address")
                seen.add(here)
                place = parse_url(here)
                self._pace.wait(str(place.host), gap(here), over)
                answer = self._exchange(place, headers, deadline, is_robots=is_robots)
                if answer.status not in _REDIRECTS:
                    return answer
                here = _location(answer)
            raise RefusedSource(here, f"expected at most {MOST_REDIRECTS} redirects, found more; check the address")
        except RefusedSource as error:
            if error.source == url:
                raise
            raise RefusedSource(url, f"redirected to {error.source}: {error.reason}") from error

    def _exchange(self, place: Url, headers: Mapping[str, str], deadline: Deadline, *, is_robots: bool) -> _Answer:
        """One request and its answer. Of a robots.txt the beginning is enough; any other must not be too large."""
        sent = {
            "User-Agent": self._user_agent,
            "Accept": "text/html,application/xhtml+xml,application/pdf,application/xml;q=0.9,*/*;q=0.8",
            "Accept-Encoding": "gzip, br, deflate",
            "Connection": "close",
            **headers,
        }
        largest = LARGEST_ROBOTS_BYTES if is_robots else self._largest_bytes
        try:
            with deadline, closing(self._connection(place, deadline)) as connection:
                connection.request("GET", place.request_uri, headers=sent, preload_content=False)
                with closing(connection.getresponse()) as response:
                    raw = b""
                    if response.status in _WHOLE:
                        told = response.length_remaining or 0
                        if told > largest and not is_robots:
                            raise _too_large(place.url, largest, told)
                        raw = _body(response, deadline, largest)
                deadline.left()  # a body without a length ends the same way when the time is over
        except (OSError, ValueError, http.client.HTTPException, HTTPError) as error:
            raise RefusedSource(place.url, _reason(error, deadline)) from error
        if len(raw) > largest and not is_robots:
            raise _too_large(place.url, largest, None)
        return _Answer(place.url, response.status, response.headers, raw)

    def _connection(self, place: Url, deadline: Deadline) -> _Plain | _Secure:
        host, port = str(place.host), place.port or PORTS[str(place.scheme)]
        connection: _Plain | _Secure
        if place.scheme == "https":
            connection = _Secure(host.strip("[]"), port, ssl_context=self._trust)
        else:
            connection = _Plain(host.strip("[]"), port)
        connection.timeout = deadline.left()
        connection.dial = partial(self._guard.connect, place.url, host, port, deadline)
        return connection

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """The system's certificate authorities, or those of SSL_CERT_FILE."""
        return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class _Answer:
    url: str
    status: int
    headers: Mapping[str, str]
    raw: bytes


class _Plain(HTTPConnection):
    """A connection that the guard makes: urllib3 looks up no name, and knows no proxy."""

    dial: Callable[[], socket.socket]

    def _new_conn(self) -> socket.socket:
        return self.dial()


class _Secure(HTTPSConnection):
    """The same under TLS, whose certificate must be that of the name in the URL."""

    dial: Callable[[], socket.socket]

    def _new_conn(self) -> socket.socket:
        return self.dial()


# Answers


def _location(answer: _Answer) -> str:
    """The URL that a redirect leads to; servers write UTF-8 where only ASCII should be."""
    told = answer.headers.get("location", "").encode("latin-1").decode("utf-8", "replace")
    try:
        if told:
            return parsed(urljoin(answer.url, told)).url
    except ValueError:  # of urljoin, for a bracket without its other; it is not shown, for it may hold a password
        pass
    status = _status(answer.status)
    raise RefusedSource(answer.url, f"expected a page, found HTTP {status} that leads nowhere; check the address")


def _body(response: HTTPResponse, deadline: Deadline, largest: int) -> bytes:
    """The unpacked body, as far as one piece past `largest`."""

    def chunks() -> Iterator[bytes]:
        while chunk := response.read1(_CHUNK_BYTES, decode_content=False):
            deadline.left()
            yield chunk

    body = bytearray()
    for piece in unpacked(chunks(), response.headers.get("content-encoding", "").strip().lower()):
        body += piece
        if len(body) > largest:
            break
    return bytes(body)


def _too_large(url: str, largest: int, found: int | None) -> RefusedSource:
    size = f"{found / 1_000_000:.1f} MB" if found else "more"
    return RefusedSource(url, f"expected at most {largest / 1_000_000:g} MB, found {size}; save the part you need")


def _kept(told: str | None) -> str | None:
    return told if told and _FIELD.fullmatch(told) else None


def _status(status: int) -> str:
    """The number, and what it means by the standard: the server's own words are not repeated."""
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _reason(error: Exception, deadline: Deadline) -> str:
    """One line for what went wrong on the way."""
    cause = error.args[1] if isinstance(error, ProtocolError) and len(error.args) > 1 else error
    if deadline.passed or isinstance(cause, TimeoutError):
        return f"expected the whole answer within {deadline.seconds:g} s, found a slower server; try again later"
    match cause:
        case ssl.SSLCertVerificationError():
            return f"expected a valid certificate, found: {cause.verify_message}; check the address"
        case ssl.SSLError():
            return "expected a TLS connection, found none can be made; check the address"
        case IncompleteRead() | InvalidChunkLength() | http.client.IncompleteRead():
            return "expected the whole answer, found it cut short; try again later"
        case OSError():
            return f"expected an answer, found: {cause.strerror or 'the connection closed'}; try again later"
        case http.client.HTTPException() | HTTPError():
            return "expected an HTTP answer, found something else; check the address"
    return "expected an answer packed with gzip, br or deflate, found it damaged; try again later"
