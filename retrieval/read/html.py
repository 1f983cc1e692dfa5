"""A saved web page into a reading: the article's text, and what the page says of it in its own fields.

The text is what trafilatura finds to be the article (`docs/decisions/0005-web-pages.md`), a line a paragraph, after
what cannot be article has been taken out of the page; the snapshot keeps the digest of the page's own bytes.
"""

from __future__ import annotations

import email
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from email.policy import default
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, cast

from retrieval import charset
from retrieval.datamodel import Metadata, Reading, Snapshot
from retrieval.errors import RefusedSource
from retrieval.read.fields import article_bodies, letters, page_metadata, says_article
from retrieval.read.original import Original

if TYPE_CHECKING:
    from lxml.html import HtmlElement

__all__ = ["MEDIA_TYPE", "read_html"]

MEDIA_TYPE = "text/html"
LARGEST_PAGE_BYTES = 20_000_000
FEWEST_CHARACTERS = 200  # of an article
FEWEST_IDEOGRAPHS = 80
SHORTEST_SENTENCE = 60  # characters of a line that ends like a sentence, in an article that the page does not declare
LEAST_OF_BODY = 0.6  # of the body that the page's data give: with less, something else was read
FEWEST_PROMOTING = 2
LONGEST_REPEATED = 12  # letters: a shorter line may come twice in an article
_WHAT_TO_DO = "give the page of one article"

# Never the article's own words: pictures and their captions, asides, other sites' posts, links that hold a whole block.
_NOT_ARTICLE = (
    "//aside",
    "//figure",
    "//figcaption",
    '//blockquote[contains(@class, "twitter") or contains(@class, "instagram") or contains(@class, "tiktok")]',
    "//a[.//p or .//h1 or .//h2 or .//h3 or .//h4 or .//div]",
)
# Lines that point elsewhere or belong to the site, in whatever article they stand.
_POINTER = re.compile(
    r"(?:[-–•*]\s*)?(?:more:|read more|also read|read also|see also|related\b|photo:|image:|picture:|watch:|listen:|"
    r"sign up|subscribe|follow us|(?:<|\(c\) ?)?copyright|©|all rights reserved|advertisement$|get in touch with our|"
    r"for more stories like this|lesen sie auch|mehr zum thema|anzeige$|foto:|bild:|"
    r"مزید پڑھیں|یہ بھی پڑھیں|延伸阅读|责任编辑)",
    re.IGNORECASE,
)
# Of these words a line of the site about itself holds two; an article's hardly.
_PROMOTING = re.compile(
    r"newsletter|sign(?:ing)? up|subscri\w+|bookmark|google news|privacy policy|special offers|preferred source|"
    r"your inbox|your feeds?|follow us|log in|a month\b|credible journalism",
    re.IGNORECASE,
)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE)
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_SENTENCE_END = re.compile(r"[.!?…。！？۔؟][\"'”’»）)]*$")


def read_html(original: Original) -> Iterator[Reading]:
    """The one reading of a page (.html, .htm, .html.gz, .mhtml); `RefusedSource` where it holds no article."""
    raw = original.read(largest=LARGEST_PAGE_BYTES)
    page, declared = raw, original.encoding
    if original.suffix == ".gz":
        page = _unpacked(raw, original.source)
    elif original.suffix in {".mhtml", ".mht"}:
        page, declared = _page_of_archive(raw, original.source)
    tree = _tree(page, original.source, declared)
    metadata = page_metadata(tree)
    text = "\n".join(_article(tree, metadata))
    if not _is_article(text, is_declared=says_article(tree)):
        found = "a page with little text of its own" if text else "a page without one"
        reason = f"expected an article, found {found} (a home page, a list, a login?); {_WHAT_TO_DO}"
        raise RefusedSource(original.source, reason)
    snapshot = Snapshot.take(
        text, original=raw, source=original.source, media_type=MEDIA_TYPE, fetched_at=original.fetched_at
    )
    yield Reading(key=original.key, snapshot=snapshot, metadata=metadata)


# The page


def _unpacked(raw: bytes, source: str) -> bytes:
    """What a .html.gz holds; never more than a page may have."""
    if PurePath(PurePath(source).stem).suffix.lower() not in {".html", ".htm"}:
        raise RefusedSource(source, "expected a page (.html.gz), found another gzip archive; unpack it first")
    try:
        page = gzip.GzipFile(fileobj=io.BytesIO(raw)).read(LARGEST_PAGE_BYTES + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RefusedSource(source, "expected a gzip archive, found it damaged; save the page again") from error
    if len(page) > LARGEST_PAGE_BYTES:
        limit = LARGEST_PAGE_BYTES // 1_000_000
        raise RefusedSource(source, f"expected a page of at most {limit} MB, found more in the archive; {_WHAT_TO_DO}")
    return page


def _page_of_archive(raw: bytes, source: str) -> tuple[bytes, str | None]:
    """The first page of a web archive (RFC 2557), and its encoding."""
    for part in email.message_from_bytes(raw, policy=default).walk():
        if part.get_content_type() == MEDIA_TYPE:
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes) and payload:
                return payload, part.get_content_charset()
    raise RefusedSource(source, f"expected a web archive with a page, found none in it; {_WHAT_TO_DO}")


def _tree(page: bytes, source: str, declared: str | None) -> HtmlElement:
    from lxml import etree, html

    if not page.strip():
        raise RefusedSource(source, f"expected a page, found an empty file; {_WHAT_TO_DO}")
    try:
        tree = html.document_fromstring(_decoded(page, declared), parser=html.HTMLParser(remove_comments=True))
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise RefusedSource(source, f"expected a page, found no HTML that can be read; {_WHAT_TO_DO}") from error
    return cast("HtmlElement", tree)


def _decoded(page: bytes, declared: str | None) -> str:
    """The page's text: UTF-8 if it is that, else as declared; a page is forgiven a broken byte, as browsers do."""
    try:
        text = page.decode("utf-8-sig")
    except UnicodeDecodeError:
        found = _CHARSET.search(page[:4096])
        text = charset.decoded(page, declared, found[1].decode() if found else None)
    text = re.sub(r"\A\s*<\?xml[^>]*\?>", "", text)  # lxml takes no text that declares an encoding
    return text.replace("\0", "")


# The article


def _article(tree: HtmlElement, metadata: Metadata) -> list[str]:
    """The lines of the article, in order."""
    lines = [" ".join(line.removeprefix("- ").split()) for line in _extracted(tree).split("\n")]
    title = letters(metadata.title or "")
    while lines and (not letters(lines[0]) or (title and letters(lines[0])[:40] == title[:40])):
        lines.pop(0)
    lines = _of_body(tree, lines, letters(max(article_bodies(tree), key=len, default="")))
    times = Counter(letters(line) for line in lines)
    return [
        line
        for line in lines
        if letters(line)
        and not _POINTER.match(line)
        and len({match[0].casefold() for match in _PROMOTING.finditer(line)}) < FEWEST_PROMOTING
        and (times[letters(line)] == 1 or len(letters(line)) <= LONGEST_REPEATED)
    ]


def _extracted(tree: HtmlElement) -> str:
    import trafilatura

    found: Any = trafilatura.extract(tree, include_comments=False, prune_xpath=list(_NOT_ARTICLE))
    return found or ""


def _of_body(tree: HtmlElement, lines: list[str], body: str) -> list[str]:
    """The lines that stand in the body that the page's own data give, in letters; all where that is no measure.

    Where most of the body is missing among them, the page's paragraphs that stand in it.
    """
    if len(body) < 2 * FEWEST_CHARACTERS:
        return lines
    kept = [line for line in lines if letters(line)[:60] in body]
    if _weight(kept) > LEAST_OF_BODY * len(body):
        return kept
    paragraphs = (" ".join("".join(element.itertext()).split()) for element in tree.iter("p", "h2", "h3"))
    inside = list(dict.fromkeys(line for line in paragraphs if letters(line) and letters(line)[:60] in body))
    return inside if _weight(inside) > LEAST_OF_BODY * len(body) else lines


def _weight(lines: list[str]) -> int:
    return sum(len(letters(line)) for line in lines)


def _is_article(text: str, *, is_declared: bool) -> bool:
    """Whether there is text enough, and, where the page declares no article, sentences rather than headlines."""
    fewest = FEWEST_IDEOGRAPHS if 3 * len(_IDEOGRAPH.findall(text)) > len(text) else FEWEST_CHARACTERS
    if len(text) < fewest:
        return False
    lines = text.split("\n")
    sentences = [
        line
        for line in lines
        if _SENTENCE_END.search(line) and (len(line) >= SHORTEST_SENTENCE or _IDEOGRAPH.search(line))
    ]
    return is_declared or 2 * sum(map(len, sentences)) > len(text)
