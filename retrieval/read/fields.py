"""What a web page says of its article in its own fields: JSON-LD (schema.org), Open Graph, meta and time elements.

Never the time of saving, never a date out of running text: what the fields do not say is absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from html import unescape
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urljoin

from retrieval.datamodel import Metadata
from retrieval.read.metadata import iso_date, language_code, plausible_names, web_address

if TYPE_CHECKING:
    from lxml.html import HtmlElement

__all__ = ["article_bodies", "letters", "page_metadata", "says_article"]

Item: TypeAlias = dict[str, Any]

MOST_ITEMS = 5000  # of structured data; a page with more is not read further
_ARTICLE = re.compile(r"Article|BlogPosting|Report$|LiveBlog")
_PUBLISHED = (
    '//meta[@property="article:published_time" or @name="article:published_time"]/@content',
    '//*[@itemprop="datePublished"]/@content',
    '//*[@itemprop="datePublished"]/@datetime',
    '//meta[@name="date" or @name="pubdate" or @name="publish-date" or @name="publishdate" or @name="dcterms.date"'
    ' or @name="DC.date.issued" or @name="parsely-pub-date" or @name="cXenseParse:recs:publishtime"]/@content',
    "//article//time[@datetime][1]/@datetime",
    "//time[@pubdate]/@datetime",
    "//time[@datetime][1]/@datetime",
)
_UPDATED = (
    '//meta[@property="article:modified_time" or @property="og:updated_time"]/@content',
    '//*[@itemprop="dateModified"]/@content',
    '//meta[@name="last-modified"]/@content',
)
_TITLE = ('//meta[@property="og:title" or @name="og:title"]/@content', '//meta[@name="twitter:title"]/@content')
_SITE = (
    '//meta[@property="og:site_name" or @name="og:site_name"]/@content',
    '//meta[@name="application-name"]/@content',
)
_URL = ('//link[@rel="canonical"]/@href', '//meta[@property="og:url"]/@content')
_AUTHOR = ('//meta[@name="author"]/@content',)
_LANGUAGE = ("/html/@lang", '//meta[@http-equiv="content-language"]/@content', '//meta[@property="og:locale"]/@content')
_TAG = re.compile(r"<[^<>]{1,500}>")
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")  # JSON may hold one, UTF-8 none
_DAY_IN_ADDRESS = re.compile(r"/((?:19|20)\d\d)/(\d\d)/(\d\d)/")
_SITE_SUFFIX = re.compile(r"\s+[-–—|·•:»]+\s+[^-–—|·•»]{2,60}$|(?:[-_|｜ㅣ－]|--)[^-_|｜]{2,20}$")


def page_metadata(tree: HtmlElement) -> Metadata:
    """What the page says of its article: title, publisher, dates, address, authors, language."""
    articles = _articles(tree)
    site = _publisher(articles) or _first(tree, _SITE)
    address = _address(tree)
    published = _date(_given(articles, "datePublished")) or _first_date(tree, _PUBLISHED) or _day_of(address)
    updated = _date(_given(articles, "dateModified")) or _first_date(tree, _UPDATED)
    return Metadata(
        title=_title(tree, articles, site),
        publisher=site,
        published=published,
        updated=updated if published and updated and updated[:16] > published[:16] else None,
        url=address,
        authors=_authors(articles) or plausible_names(filter(_is_name, _all(tree, _AUTHOR)[:1])),
        language=next((code for text in _all(tree, _LANGUAGE) if (code := language_code(text))), None),
    )


def says_article(tree: HtmlElement) -> bool:
    """Whether the page declares to be an article."""
    kinds = {kind.casefold() for kind in _texts(tree, '//meta[@property="og:type"]/@content')}
    times = _texts(tree, '//meta[@property="article:published_time"]/@content')
    return bool(_articles(tree)) or "article" in kinds or bool(times)


def article_bodies(tree: HtmlElement) -> list[str]:
    """The article's text as the page's structured data give it: one text, without paragraphs, often absent."""
    bodies = (item.get("articleBody") for item in _items(tree))
    return [_clean(_TAG.sub(" ", body)) for body in bodies if isinstance(body, str)]


def letters(text: str) -> str:
    """Nothing but the letters and digits, without their case: what two ways to write a line share."""
    return re.sub(r"[\W_]+", "", text).casefold()


# Structured data


def _items(tree: HtmlElement) -> Iterator[Item]:
    """Every object of the page's JSON-LD, however deep, those further out first."""
    waiting: list[Any] = []
    for text in _texts(tree, '//script[contains(@type, "ld+json")]/text()'):
        try:
            waiting.append(json.loads(text.strip().rstrip(";"), strict=False))
        except (ValueError, RecursionError):
            continue
    for _ in range(MOST_ITEMS):
        if not waiting:
            return
        item = waiting.pop(0)
        if isinstance(item, list):
            waiting += item
        elif isinstance(item, dict):
            yield item
            waiting += [value for value in item.values() if isinstance(value, list | dict)]


def _articles(tree: HtmlElement) -> list[Item]:
    found = []
    for item in _items(tree):
        kinds = item.get("@type")
        named = any(_ARTICLE.search(str(kind)) for kind in (kinds if isinstance(kinds, list) else [kinds]))
        if named and isinstance(item.get("headline") or item.get("datePublished"), str):
            found.append(item)
    return found[:1]  # those after it are other stories


def _given(articles: list[Item], name: str) -> str | None:
    return next((value for item in articles if isinstance(value := item.get(name), str) and value.strip()), None)


def _publisher(articles: list[Item]) -> str | None:
    for item in articles:
        publishers = item.get("publisher")
        for publisher in publishers if isinstance(publishers, list) else [publishers]:
            if isinstance(publisher, dict) and isinstance(publisher.get("name"), str):
                return _clean(publisher["name"]) or None
    return None


def _authors(articles: list[Item]) -> tuple[str, ...]:
    found: list[str] = []
    for item in articles:
        given = item.get("author")
        for author in given if isinstance(given, list) else [given]:
            name = author.get("name") if isinstance(author, dict) else author
            found += [_clean(name)] if isinstance(name, str) and _is_name(_clean(name)) else []
    return plausible_names(found)


def _is_name(text: str) -> bool:
    return 2 <= len(text) <= 80 and not text.startswith(("http:", "https:", "@"))


# The page's elements


def _title(tree: HtmlElement, articles: list[Item], site: str | None) -> str | None:
    """The headline as structured data give it, else Open Graph, the first heading, the window's title."""
    given = _clean(_given(articles, "headline") or "") or _first(tree, _TITLE)
    headings = [text for heading in tree.iter("h1") if (text := _clean(" ".join(heading.itertext())))]
    titles = [text for text in map(_clean, _texts(tree, "//title/text()")) if text]
    found = next(iter([*([given] if given else []), *headings, *titles]), None)
    return _without_site(found, site, {letters(text) for text in headings}) if found else None


def _without_site(title: str, site: str | None, headings: set[str]) -> str:
    """The title without " | The Site" or a day at its end, and without what the page's heading goes without."""
    name = letters(site or "")
    while (match := _SITE_SUFFIX.search(title)) is not None:
        end, before = letters(match[0]), title[: match.start()].rstrip()
        is_site = bool(name) and (end in name or name in end)
        if not before or not end or not (is_site or end.isdigit() or letters(before) in headings):
            break
        title = before
    return title


def _address(tree: HtmlElement) -> str | None:
    for address in _all(tree, _URL):
        base = next(iter(_texts(tree, "//base/@href")), "")
        try:
            whole = web_address(urljoin(base, address))
        except ValueError:
            continue
        if whole is not None:
            return whole
    return None


def _day_of(address: str | None) -> str | None:
    """The day in the page's own address: …/2025/04/01/a-headline."""
    match = _DAY_IN_ADDRESS.search(address or "")
    return iso_date("-".join(match.groups())) if match else None


def _first_date(tree: HtmlElement, paths: tuple[str, ...]) -> str | None:
    return next((date for text in _all(tree, paths) if (date := _date(text))), None)


def _date(text: str | None) -> str | None:
    """A date of ISO 8601, or of a mail's header (RFC 5322), as ISO 8601; None for any other."""
    if text is None:
        return None
    text = re.sub(r"(?<=\d) (?=[+-]\d)", "", text.strip())
    text = re.sub(r"(?<=:\d\d)(\.\d{1,6})\d*", r"\1", text)
    found = iso_date(text)
    if found is not None or not text[:3].isalpha():
        return found
    try:
        return parsedate_to_datetime(text).isoformat()
    except (ValueError, OverflowError):  # the latter for a zone that no one lives in
        return None


def _first(tree: HtmlElement, paths: tuple[str, ...]) -> str | None:
    return next(iter(_all(tree, paths)), None)


def _all(tree: HtmlElement, paths: tuple[str, ...]) -> list[str]:
    return [text for path in paths for found in _texts(tree, path) if (text := _clean(found))]


def _texts(tree: HtmlElement, path: str) -> list[str]:
    found = tree.xpath(path)
    return [str(text) for text in found] if isinstance(found, list) else []


def _clean(text: str) -> str:
    return " ".join(_HALF_A_PAIR.sub("", unescape(text)).split())
