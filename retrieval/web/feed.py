"""What a feed (RSS, Atom) or a sitemap lists: the addresses of its pages, and when each changed."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any
from urllib.parse import urljoin

from lxml import etree, html

from retrieval import charset
from retrieval.errors import RefusedSource
from retrieval.web.fetch import Fetched, normalised
from retrieval.web.guard import LONGEST_URL, unpacked

__all__ = ["Entry", "Listing", "listing"]

log = logging.getLogger(__name__)

MOST_ENTRIES = 10_000
LARGEST_FEED_BYTES = 20_000_000  # unpacked
MOST_FOUND = 50_000  # of which the newest are taken; more no sitemap may have (sitemaps.org)
MOST_MARKS = 1_000_000  # "<" and "=": each may be a node of a hundred bytes; the largest sitemap has 500,000
PAGE_HEAD = 500_000  # characters of a web page in which its feed is looked for
_WHAT_TO_DO = "give the feed's address"

# Namespaces whose links and dates count besides the entry's own: Atom and Dublin Core, and not those of pictures.
_SPACES = (
    "{http://www.w3.org/2005/Atom",
    "{http://purl.org/atom/ns#",
    "{http://purl.org/dc/elements/1.1/",
    "{http://purl.org/dc/terms/",
)
_CHANGED = ("updated", "modified", "lastmod", "pubDate", "date", "published", "issued")  # the first that is there
_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"
_DECLARATION = re.compile(r"\A<\?xml\b[^>]{0,200}>")
_ENCODING = re.compile(rb"<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([A-Za-z0-9_.:-]{1,40})")
_W3C_DATE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?\s?(?:Z|[+-]\d\d:?\d\d)?)?)?)?")
_BEGINNINGS = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))  # of XML without a mark (XML 1.0, appendix F)
_BARE_AMPERSAND = re.compile(r"&(?!(?:#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);)")


@dataclass(frozen=True, slots=True)
class Entry:
    """A page that is listed: its URL as `normalised` writes it, and when it changed, ISO 8601 as precise as given."""

    url: str
    updated: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The pages that a feed or sitemap lists, newest first, then those without a date in their order.

    `sitemaps` are those that a sitemap index names, which list pages in their turn.
    """

    entries: tuple[Entry, ...] = ()
    sitemaps: tuple[Entry, ...] = ()


def listing(fetched: Fetched) -> Listing:
    """What an RSS or Atom feed, a sitemap or a sitemap index (sitemaps.org; gzip too) lists: 10,000 entries at most.

    `RefusedSource` where it is none of them, or declares entities: no feed needs them, and nine lines of them are
    gigabytes. A page that names its feed is refused with the feed's address.
    """
    text = _text(fetched)
    if "<!entity" in text.lower():
        raise RefusedSource(fetched.url, f"expected a feed without entity declarations, found one; {_WHAT_TO_DO}")
    if text.count("<") + text.count("=") > MOST_MARKS:
        raise RefusedSource(fetched.url, f"expected a feed of at most {MOST_MARKS} marks, found more; {_WHAT_TO_DO}")
    root = _root(text)
    match "" if root is None else root.tag.rpartition("}")[2].lower():
        case "rss" | "rdf":
            found = _found(root, "item", fetched.url)
        case "feed":
            found = _found(root, "entry", fetched.url)
        case "urlset":
            found = _found(root, "url", fetched.url)
        case "sitemapindex":
            return Listing(sitemaps=_ordered(_found(root, "sitemap", fetched.url), fetched.url))
        case _:
            raise _no_feed(text, fetched)
    return Listing(entries=_ordered(found, fetched.url))


# Entries


def _found(root: Any, name: str, url: str) -> Iterator[tuple[str, str]]:
    """Of each element of that name the URL, and when it changed, as they stand there."""
    outer = _joined(url, root.get(_BASE, ""))
    for element in islice(root.iter("{*}" + name), MOST_FOUND):
        base = _joined(outer, element.get(_BASE, ""))
        spaces = {element.tag.rpartition("}")[0], *_SPACES}
        links: dict[str, str] = {}
        texts: dict[str, str] = {}
        for child in element.iterchildren("*"):
            space, _, kind = child.tag.rpartition("}")
            if space in spaces:
                texts.setdefault(kind, (child.text or "").strip())
                if link := _link(kind, child):
                    links.setdefault(kind, link)
        link = next((links[kind] for kind in ("link", "loc", "guid") if kind in links), element.get(_ABOUT, ""))
        if link:
            yield _joined(base, link), next((texts[kind] for kind in _CHANGED if texts.get(kind)), "")


def _link(kind: str, child: Any) -> str:
    """The address that a link, loc or guid gives for the page; empty where it gives another or none."""
    text = (child.text or "").strip()
    match kind:
        case "link" if child.get("href"):
            return str(child.get("href")).strip() if child.get("rel", "alternate") == "alternate" else ""
        case "link" | "loc":
            return text
        case "guid" if child.get("isPermaLink", "true").strip().lower() != "false" and ":" in text:
            return text
    return ""


def _ordered(found: Iterator[tuple[str, str]], url: str) -> tuple[Entry, ...]:
    """The entries, newest first, each URL once; what is no URL of a page (mailto:, javascript:) is left out."""
    dated = [(_when(updated), place, link) for place, (link, updated) in enumerate(found)]
    dated.sort(key=lambda one: (one[0] is None, -one[0][1] if one[0] else 0.0, one[1]))
    entries: dict[str, Entry] = {}
    for count, (when, _, link) in enumerate(dated):
        if len(entries) == MOST_ENTRIES:
            log.warning("%s: the %d newest entries are taken, %d left out", url, MOST_ENTRIES, len(dated) - count)
            break
        with contextlib.suppress(RefusedSource):
            key = normalised(link)
            entries.setdefault(key, Entry(key, when[0] if when else None))
    return tuple(entries.values())


def _when(told: str) -> tuple[str, float] | None:
    """A date as ISO 8601, and as seconds to order by; W3C's form as it is, that of mail (RFC 5322) rewritten."""
    told = told[:60].strip()
    try:
        if _W3C_DATE.fullmatch(told):
            if len(told) > 10:
                told = f"{told[:10]}T{told[11:].replace(' ', '')}"
            moment = datetime.fromisoformat(told + "0001-01-01"[len(told) :])
        else:
            moment = parsedate_to_datetime(told)
            told = moment.isoformat()
        return told, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _joined(base: str, link: str) -> str:
    """The link, absolute; the base where it cannot be: a base of megabytes under each of 10,000 entries is a bomb."""
    if not link or len(link) > LONGEST_URL:
        return base
    try:
        return urljoin(base, link)
    except ValueError:
        return ""


# The file


def _text(fetched: Fetched) -> str:
    """The characters of the feed; what is checked is what is parsed, in whatever encoding it came."""
    raw = fetched.raw
    if raw.startswith(b"\x1f\x8b"):
        body = bytearray()
        try:
            for piece in unpacked([raw], "gzip"):
                body += piece
                if len(body) > LARGEST_FEED_BYTES:
                    break
        except ValueError as error:
            raise RefusedSource(fetched.url, "expected a gzip archive, found it damaged; try again later") from error
        raw = bytes(body)
    if len(raw) > LARGEST_FEED_BYTES:
        limit = LARGEST_FEED_BYTES // 1_000_000
        raise RefusedSource(fetched.url, f"expected a feed of at most {limit} MB, found more; give a smaller one")
    declared = _ENCODING.match(raw.lstrip()[:300])
    begun = next((encoding for first, encoding in _BEGINNINGS if raw.startswith(first)), None)
    return charset.decoded(raw, begun or fetched.encoding, declared[1].decode() if declared else None)


def _root(text: str) -> Any:
    """The outermost element; None where there is none. Nothing is looked up, in the network or on the disk."""
    parser = etree.XMLParser(
        encoding="utf-8",
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(
            _mended(_DECLARATION.sub("", text.lstrip(), count=1).lstrip()).encode("utf-8", "replace"), parser
        )
    except etree.LxmlError:
        return None


def _mended(text: str) -> str:
    """The text with each "&" that begins no entity written as one: recovering, the parser would drop it from a link."""
    first, *others = text.split("<![CDATA[")
    parts = [_BARE_AMPERSAND.sub("&amp;", first)]
    for other in others:
        inside, end, after = other.partition("]]>")
        parts.append(inside + end + _BARE_AMPERSAND.sub("&amp;", after))
    return "<![CDATA[".join(parts)


def _no_feed(text: str, fetched: Fetched) -> RefusedSource:
    """The refusal of what is no feed; of a web page that names one, with its address."""
    expected = "expected an RSS or Atom feed or a sitemap"
    page = None
    if re.search(r"<(?:!doctype\s+html|html|head|body)\b", text[:PAGE_HEAD], re.IGNORECASE):
        with contextlib.suppress(etree.LxmlError, ValueError, AssertionError):
            page = html.document_fromstring(
                text[:PAGE_HEAD].encode("utf-8", "replace"), html.HTMLParser(encoding="utf-8")
            )
    if page is None:
        return RefusedSource(fetched.url, f"{expected}, found none; {_WHAT_TO_DO}")
    for link in page.iter("link"):
        kind, address = link.get("type", "").strip().lower(), link.get("href", "").strip()
        if "alternate" in link.get("rel", "").lower().split() and kind in {
            "application/rss+xml",
            "application/atom+xml",
        }:
            with contextlib.suppress(RefusedSource):
                feed = normalised(_joined(fetched.url, address))
                return RefusedSource(fetched.url, f"{expected}, found a web page; give the feed that it names: {feed}")
    return RefusedSource(fetched.url, f"{expected}, found a web page; {_WHAT_TO_DO}")
