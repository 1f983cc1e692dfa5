"""What keeps a hostile server harmless: where a URL may lead, for how long, and how far its bytes unpack."""

from __future__ import annotations

import contextlib
import queue
import re
import socket
import threading
import time
import zlib
from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from urllib3.exceptions import LocationParseError
from urllib3.util.url import Url, parse_url

from retrieval.errors import RefusedSource

__all__ = ["LONGEST_URL", "PORTS", "Deadline", "Guard", "is_public", "parsed", "unpacked"]

PORTS = {"http": 80, "https": 443}
LONGEST_URL = 4000  # characters; a letter of Urdu or Chinese takes six or nine
PIECE_BYTES = 65_536  # the most that unpacking holds at once
MOST_MEMBERS = 1000  # of one gzip stream: a million empty ones cost minutes and give nothing
FIRST_UNPRIVILEGED_PORT = 1024  # below it are mail, shells and the like, save the two of the web

# The rows of the IANA special-purpose registries that are not "globally reachable", and multicast. This is stricter
# than `ipaddress.is_global`, whose answers changed between patch releases of Python 3.11.
_SPECIAL_IPV4 = tuple(
    map(
        IPv4Network,
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24"
        " 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
        " 168.63.129.16/32".split(),  # the last: a public number under which Azure's own services answer
    )
)
# Of IPv6 only what is handed out as global unicast, without the ranges in it that carry an IPv4 address (Teredo in
# 2001::/23, 6to4 in 2002::/16) or are for documentation. Mapped and compatible IPv4, and fd00:ec2::254, lie outside.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_SPECIAL_IPV6 = tuple(map(IPv6Network, "2001::/23 2001:db8::/32 2002::/16 3fff::/20".split()))
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: how a network with IPv6 alone reaches any IPv4 address


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether a host of the open internet may have the address; of NAT64 (RFC 6052), the IPv4 address in it counts."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _GLOBAL_UNICAST and not any(address in network for network in _SPECIAL_IPV6)


def parsed(url: str) -> Url:
    """The parts of a URL that may be fetched, as `normalised` writes them; `RefusedSource` where it may not be."""
    text = url.strip()
    scheme, _, rest = text.partition(":")
    if scheme.lower() not in PORTS or not rest.startswith("//"):
        raise RefusedSource(_shown(text), "expected an address with http:// or https://, found another; check it")
    try:
        if re.search(r"[\x00-\x1f\x7f\\]", text):
            raise ValueError("control characters")
        if len(text) > LONGEST_URL:
            raise ValueError("too long")
        place = parse_url(text)
        host = _host(place.host or "")
        if place.port == 0:
            raise ValueError("no port")
    except (LocationParseError, ValueError):  # not chained: their text holds the whole URL
        raise RefusedSource(
            _shown(text), "expected a web address, found one that cannot be read; check host and port"
        ) from None
    if place.auth is not None:
        raise RefusedSource(_shown(text), "expected an address without name and password, found one; save it by hand")
    port = None if place.port == PORTS[str(place.scheme)] else place.port
    whole = Url(place.scheme, None, host, port, place.path or "/", place.query)
    if len(whole.url) > LONGEST_URL:
        raise RefusedSource(_shown(text), f"expected an address of at most {LONGEST_URL} letters, found more; check it")
    return whole


def _host(host: str) -> str:
    """The host as a key; `ValueError` where it is none, also for an IPv4 address in other than dotted decimals."""
    if host.startswith("["):
        if "%" in host:
            raise ValueError("a zone is a link of this machine")
        return f"[{IPv6Address(host.strip('[]'))}]"
    name = host.lower().removesuffix(".")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return str(IPv4Address(name))
    if not _HOST.fullmatch(name) or ".." in name:
        raise ValueError("not the name of a host")
    return name


def _shown(url: str) -> str:
    """A URL as a message may show it: printable, not too long, and nothing of a name and password."""
    bare = re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*:)?([/\\]*).*@", r"\1\2", url, flags=re.DOTALL)
    return "".join(letter if letter.isprintable() else "?" for letter in bare[:200]) or "(empty)"


class Deadline:
    """The seconds that a fetch has left over all its requests; they run inside `with`, not while it waits its turn.

    When they are over, the connection under watch is shut down, which ends any waiting for it, in a handshake too.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self._left = seconds
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._watched: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Deadline:
        self._started = time.monotonic()
        self._timer = threading.Timer(max(self._left, 0), self._end)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._left -= time.monotonic() - self._started
        with self._lock:
            if self._watched is not None:
                self._watched.close()
            self._watched = None

    def left(self) -> float:
        """The seconds that are left; `TimeoutError` where there are none."""
        seconds = self._left - (time.monotonic() - self._started)
        if self.passed or seconds <= 0:
            raise TimeoutError
        return seconds

    def watch(self, connection: socket.socket) -> None:
        """Shut the connection down when the time is over."""
        with self._lock:
            # A second handle: wrapping a socket in TLS takes the first away before the handshake begins.
            self._watched = connection.dup()
        if self.passed:
            self._end()

    def _end(self) -> None:
        with self._lock:
            self.passed = True
            if self._watched is not None:
                with contextlib.suppress(OSError):
                    self._watched.shutdown(socket.SHUT_RDWR)


class Guard:
    """Connects to public addresses only; `allowed` names others, each as "host:port" just as in the URL.

    A private prefix that a network itself translates to IPv4 (RFC 6052, other than 64:ff9b::/96) cannot be known here.
    """

    def __init__(self, allowed: Collection[str] = ()) -> None:
        for one in allowed:
            if not one.rpartition(":")[2].isdecimal():
                raise ValueError(f"expected host:port, found {one!r}")
        self._allowed = frozenset(one.lower() for one in allowed)

    def connect(self, url: str, host: str, port: int, deadline: Deadline) -> socket.socket:
        """A connection to an address that was checked: names are looked up once, and every answer must be public.

        `RefusedSource` where an address or port is not for us, `OSError` where no address answers.
        """
        is_allowed = f"{host}:{port}" in self._allowed
        if not is_allowed and port not in PORTS.values() and port < FIRST_UNPRIVILEGED_PORT:
            raise RefusedSource(url, f"expected port 80, 443 or one above 1023, found {port}; check the address")
        places = _places(url, host.strip("[]"), port, deadline)
        for _, place in places:
            if not is_allowed and not is_public(ip_address(place[0])):
                raise RefusedSource(
                    url, f"expected a public address, found {place[0]}; give a page of the open internet"
                )
        failure: OSError = TimeoutError()
        for number, (family, place) in enumerate(places):
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(deadline.left() / (len(places) - number))  # one that is silent leaves time
                connection.connect(place)
                connection.settimeout(deadline.left())
                deadline.watch(connection)
            except OSError as error:
                connection.close()
                failure = error
            else:
                return connection
        raise failure


_Place = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


def _places(url: str, host: str, port: int, deadline: Deadline) -> list[_Place]:
    """The addresses of a host, in the system's order; the look-up itself cannot be stopped, only left behind."""
    answers: queue.SimpleQueue[list[_Place] | OSError | ValueError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
            internet = (socket.AF_INET, socket.AF_INET6)
            answers.put([(family, place) for family, _, _, _, place in found if family in internet])  # type: ignore[misc]
        except (OSError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        places = answers.get(timeout=deadline.left())
    except queue.Empty as error:
        raise TimeoutError from error
    if isinstance(places, list) and places:
        return places
    raise RefusedSource(url, "expected a host that can be found, found no address for it; check name and network")


def unpacked(chunks: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """The bytes under a content coding (gzip, deflate, br or none), in pieces: the caller counts them, and may stop.

    A piece has at most 64 KiB whatever a chunk unpacks to; `ValueError` where the bytes are damaged or cut short, or
    the coding is another (RFC 9110, 8.4.1).
    """
    if coding in {"", "identity"}:
        return iter(chunks)
    if coding in {"gzip", "x-gzip", "deflate"}:
        return _inflated(chunks, is_gzip=coding != "deflate")
    if coding == "br":
        return _unbrotlied(chunks)
    raise ValueError("a coding that was not asked for")


def _inflated(chunks: Iterable[bytes], *, is_gzip: bool) -> Iterator[bytes]:
    """Deflate, in the zlib wrapping or, as some servers send it, bare; or the members of a gzip stream."""
    stream, members = None, 0
    for chunk in chunks:
        data = chunk
        while True:
            if stream is None or (stream.eof and is_gzip):
                if not data or (members and data[0] != 0x1F):  # zeros or rubbish after the last member are forgiven
                    break
                members += 1
                if members > MOST_MEMBERS:
                    raise ValueError("too many gzip members")
                bits = 31 if is_gzip else 15 if data[0] & 0x0F == 8 else -15
                stream = zlib.decompressobj(bits)
            elif stream.eof:
                break
            try:
                piece = stream.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise ValueError("damaged") from error
            yield piece
            data = stream.unused_data if stream.eof else stream.unconsumed_tail
            if not data and len(piece) < PIECE_BYTES:
                break
    if stream is not None and not stream.eof:
        raise ValueError("cut short")


def _unbrotlied(chunks: Iterable[bytes]) -> Iterator[bytes]:
    import brotli

    stream, is_empty = brotli.Decompressor(), True
    try:
        for chunk in chunks:
            is_empty = False
            yield stream.process(chunk, output_buffer_limit=PIECE_BYTES)
            while not stream.can_accept_more_data():
                yield stream.process(b"", output_buffer_limit=PIECE_BYTES)
    except brotli.error as error:
        raise ValueError("damaged") from error
    if not is_empty and not stream.is_finished():
        raise ValueError("cut short")
