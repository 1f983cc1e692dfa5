"""Politeness: what a site's robots.txt lets a program read (RFC 9309), and how often it is asked."""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field

from protego import Protego

from retrieval.errors import RefusedSource

__all__ = ["Pace", "Robots"]

LARGEST_ROBOTS_BYTES = 500 * 1024  # RFC 9309, 2.5: what lies after it is not read
FRESH_SECONDS = 3600.0
RETRY_SECONDS = 60.0  # after which a robots.txt that could not be had is asked for again
LONGEST_DELAY_SECONDS = 30.0

_AGENT_LINE = re.compile(r"\s*user[\s-]*agent(?:\s*:|\s|$)\s*(.*)", re.IGNORECASE)
_TOKEN = re.compile(r"\*|[a-z_-]+", re.IGNORECASE)


class Pace:
    """Turns at a host: two requests to it start some seconds apart, whichever threads make them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}

    def wait(self, host: str, seconds: float, over: threading.Event) -> None:
        """Wait until the last request to the host began `seconds` ago or more; `CancelledError` once it is `over`."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._last.get(host, -math.inf) + seconds)
            self._last[host] = turn
        if over.wait(turn - now):
            raise CancelledError


@dataclass(slots=True)
class _Site:
    """What is known of a site's rules: them, or why they could not be had."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    until: float = -math.inf
    rules: Protego | None = None
    refusal: str | None = None


class Robots:
    """The rules of the sites for one program, whose name is the part of `user_agent` before the first slash."""

    def __init__(self, user_agent: str) -> None:
        self._token = user_agent.partition("/")[0].strip().lower()
        self._lock = threading.Lock()
        self._sites: dict[str, _Site] = {}

    def delay(self, url: str, origin: str, read: Callable[[str], tuple[int, bytes]]) -> float:
        """The seconds that the site wants between requests, at most 30; `RefusedSource` where it forbids the URL.

        `origin` is scheme, host and port; `read` gets the status and bytes of robots.txt, once an hour. Where the
        status is 400 to 499, all is allowed; where it is another or nothing can be read, nothing is, for a minute.
        """
        with self._lock:
            site = self._sites.setdefault(origin, _Site())
        with site.lock:
            if site.until < time.monotonic():
                site.rules, site.refusal = self._asked(origin, read)
                site.until = time.monotonic() + (RETRY_SECONDS if site.refusal else FRESH_SECONDS)
            rules, refusal = site.rules, site.refusal
        if refusal:
            raise RefusedSource(url, refusal)
        if rules is None:
            return 0.0
        if not rules.can_fetch(url, self._token):
            raise RefusedSource(
                url, "expected a page that programs may read, found robots.txt forbids it; save the page by hand"
            )
        delay = rules.crawl_delay(self._token) or 0.0
        return min(delay, LONGEST_DELAY_SECONDS) if delay > 0 else 0.0

    def _asked(self, origin: str, read: Callable[[str], tuple[int, bytes]]) -> tuple[Protego | None, str | None]:
        try:
            status, raw = read(f"{origin}/robots.txt")
        except RefusedSource as error:
            return None, error.reason
        if 400 <= status < 500 and status != 429:  # 429: asked too often, which is no permission
            return None, None
        if status != 200:
            return None, f"expected to read the site's robots.txt first, found HTTP {status}; try again later"
        if len(raw) >= LARGEST_ROBOTS_BYTES:
            raw = raw[: raw.rfind(b"\n") + 1]  # half a rule is another rule
        lines = raw.decode("utf-8-sig", "ignore").splitlines()
        return Protego.parse("\n".join(map(self._ours, lines))), None

    def _ours(self, line: str) -> str:
        """The line; where it names a program other than ours, one name for all of them.

        A rule counts once for each name above it: 20,000 names above 20,000 rules are half a megabyte of robots.txt,
        and would be 400,000,000 rules in memory.
        """
        agent = _AGENT_LINE.fullmatch(line)
        if agent is None:
            return line
        found = _TOKEN.match(agent[1])
        name = found[0].lower() if found else ""
        return f"User-agent: {name if name in {'*', self._token} else 'another'}"
