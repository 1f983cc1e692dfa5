"""What the two searches of `benchmarks.fuzz` begin with: small real inputs of each format, and what to repeat in it."""

from __future__ import annotations

import base64
import gzip
import io
import json
import quopri
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

__all__ = ["SENTENCES", "WORD", "repeated", "seeds", "tokens", "word_file"]

SEEDS = Path(__file__).parent.parent / "seeds"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SENTENCES = (
    "The harbour of Gwadar opened a new cargo terminal on Monday, the port authority said in a statement to reporters.",
    "“We have waited ten years for this day,” Ahsan Iqbal told a crowd of three hundred workers and their families.",
    "وزیرِ اعظم نے کہا کہ گوادر بندرگاہ سے ۲۰۲۵ء میں ۱۲ جہاز روزانہ گزریں گے اور شمال کی سڑک مکمل ہو جائے گی۔",
    "瓜达尔港新货运码头周一启用，“每天可停靠十二艘船”，港务局在一份声明中对记者说，北部公路明年春天完工。",
)


def seeds(reader: str) -> Iterator[bytes]:
    """Small real inputs of a format."""
    texts = [path.read_bytes() for path in sorted(SEEDS.glob("*.txt"))]
    texts += ["\n\n".join(SENTENCES).encode(encoding) for encoding in ("utf-8", "utf-16")]
    makers: dict[str, Callable[[], list[bytes]]] = {
        "text": lambda: [*texts, SENTENCES[2].encode("utf-16-be") * 3, SENTENCES[3].encode("gb18030") * 3],
        "markdown": lambda: [_markdown(text) for text in texts],
        "jsonl": lambda: [_json_lines(text.decode("utf-8", "replace")) for text in texts],
        "html": lambda: [_page(encoding) for encoding in ("utf-8", "gb18030")],
        "mhtml": lambda: [_web_archive(code) for code in ("quoted-printable", "base64", "8bit")],
        "docx": _word_seeds,
        "pdf": _pdfs,
        "feed": _feeds,
    }
    yield from makers[reader]()


def _markdown(text: bytes) -> bytes:
    fields = (
        "---\ntitle: 'Harbour'\nauthor: [A B, \"C D\"]\ndate: 2025-06-02 09:30\nlang: en-GB\nurl: https://a.org\n---\n"
    )
    return fields.encode() + b"# Harbour\n\n> quoted\n\n- [a](b)\n\n| a | b |\n|---|---|\n\n" + text


def _json_lines(text: str) -> bytes:
    known = {"title": "Harbour", "published": "2025-06-02T09:30:00+05:00", "authors": ["A B"], "language": "en"}
    lines = [{"id": "a", "text": text, **known}, {"id": "b", "text": SENTENCES[0], "url": "https://a.org"}]
    return b"\n".join(json.dumps(line, ensure_ascii=bool(number)).encode() for number, line in enumerate(lines))


def _page(encoding: str) -> bytes:
    said = {
        "@context": "https://schema.org",
        "@graph": [
            {
                "@type": ["NewsArticle"],
                "headline": "Gwadar&#8217;s harbour opens",
                "datePublished": "2025-06-02T09:30:00+05:00",
                "publisher": {"@type": "Organization", "name": "The Port Herald"},
                "author": [{"@type": "Person", "name": "Sana Baloch"}],
                "articleBody": " ".join(SENTENCES),
            }
        ],
    }
    body = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)
    return (
        f'<!DOCTYPE html><html lang="en-PK"><head><meta charset="{encoding}"><title>Harbour | The Port Herald</title>'
        '<meta property="og:title" content="Harbour"><meta property="article:published_time" content="2025-06-02">'
        '<meta property="og:site_name" content="Herald"><link rel="canonical" href="https://a.org/b">'
        f'<script type="application/ld+json">{json.dumps(said)}</script></head><body><nav><a href="/">Home</a></nav>'
        f"<main><article><h1>Gwadar’s harbour opens</h1><time datetime='2025-06-02'>2 June</time>{body}"
        "<table><tr><td>a</td><td>b</td></tr></table><ul><li>one</li></ul><figure><figcaption>c</figcaption></figure>"
        "<aside>Read more</aside></article></main><footer>© 2026 The Port Herald.</footer></body></html>"
    ).encode(encoding, "xmlcharrefreplace")


def _web_archive(code: str) -> bytes:
    page = _page("utf-8")
    written = {"quoted-printable": quopri.encodestring, "base64": base64.encodebytes}.get(code, bytes)(page)
    return (
        b"From: <Saved by Blink>\r\nSubject: =?utf-8?Q?Harbour=20?=\r\nMIME-Version: 1.0\r\nContent-Type: "
        b'multipart/related; type="text/html"; boundary="--x"\r\n\r\n----x\r\nContent-Type: text/html; charset=utf-8'
        b"\r\nContent-Transfer-Encoding: " + code.encode() + b"\r\nContent-Location: https://a.org/b\r\n\r\n" + written
    ) + b"\r\n----x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n----x--\r\n"


def _pdfs() -> list[bytes]:
    """One that weasyprint makes, its fonts within, and two by hand, small enough for bytes to matter."""
    import weasyprint

    latin = "".join(f"<h2>Harbour</h2><p>{sentence}</p>" for sentence in SENTENCES[:2])
    html = f'<html lang="en"><title>Harbour</title><body style="columns: 2; hyphens: auto">{latin * 3}'
    lines = [sentence.encode("ascii", "ignore") for sentence in SENTENCES[:2]]
    prose = b" ".join(b"(%s) Tj T*" % line[start : start + 40] for line in lines for start in range(0, len(line), 40))
    columns = b" ".join(b"1 0 0 1 %d %d Tm (%s) Tj" % (x, y, lines[0][:30]) for x in (50, 320) for y in (700, 688, 676))
    contents = [
        b"BT /F 18 Tf 50 750 Td (Harbour opens) Tj /F 10 Tf 14 TL 0 -30 Td " + prose + b" ET",
        b"BT /F 10 Tf " + columns + b" 1 0 0 1 300 30 Tm (7) Tj [(Gwa-) -250 (dar) 120 (s)] TJ <0041FEFF> Tj ET",
    ]
    return [weasyprint.HTML(string=html).write_pdf(), _pdf(contents[:1]), _pdf(contents)]


def _pdf(contents: list[bytes]) -> bytes:
    """A PDF with a page for each content stream, without a table of its objects: pdfium then looks for them."""
    kids = b" ".join(b"%d 0 R" % (10 + 2 * number) for number in range(len(contents)))
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R/Lang(en)>>",
        2: b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(contents), kids),
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        4: b"<</Title(Harbour opens)/Author(A B)/CreationDate(D:20250602093000+05'00')>>",
    }
    for number, content in enumerate(contents):
        own = b"/MediaBox[0 0 612 792]/Resources<</Font<</F 3 0 R>>>>"
        objects[10 + 2 * number] = b"<</Type/Page/Parent 2 0 R%s/Contents %d 0 R>>" % (own, 11 + 2 * number)
        objects[11 + 2 * number] = b"<</Length %d>>stream\n%s\nendstream" % (len(content), content)
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, written) for number, written in objects.items())
    return b"%PDF-1.7\n" + body + b"trailer<</Root 1 0 R/Info 4 0 R>>\n%%EOF\n"


def _feeds() -> list[bytes]:
    items = "".join(
        f"<item><title>a</title><link>https://a.org/{n}?a=1&amp;b=2</link><pubDate>Mon, 02 Jun 2025 0{n}:30:00 +0500"
        f'</pubDate><guid isPermaLink="true">https://a.org/{n}</guid></item>'
        for n in range(3)
    )
    rss = f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>H</title>{items}</channel></rss>'
    atom = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://a.org/x/"><entry><id>urn:1</id><updated>'
        '2025-06-02T09:30:00Z</updated><link rel="alternate" href="../b"/><link rel="self" href="c"/></entry></feed>'
    )
    sitemap = (
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://a.org/ü</loc><lastmod>2025-06'
        "</lastmod></url><url><loc>/relative</loc></url></urlset>"
    )
    index = "<sitemapindex><sitemap><loc>https://a.org/s.xml.gz</loc><lastmod>2025</lastmod></sitemap></sitemapindex>"
    rdf = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        '<item rdf:about="https://a.org/1"><dc:date>2025-06-02</dc:date></item></rdf:RDF>'
    )
    page = '<html><head><link rel="alternate" type="application/rss+xml" href="/feed"></head></html>'
    plain = [each.encode() for each in (rss, atom, sitemap, index, rdf, page)]
    return [*plain, rss.replace("utf-8", "utf-16").encode("utf-16"), gzip.compress(plain[0])]


def word_file(document: bytes) -> bytes:
    """A Word file with this as its document, and the other parts that are read."""
    relation = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"
    parts = {
        "word/document.xml": document,
        "_rels/.rels": f'<r><Relationship Type="{relation}" Target="docProps/core.xml"/></r>'.encode(),
        "docProps/core.xml": b"<c><title>Harbour</title><creator>A B; C D</creator><language>en</language></c>",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def _word_seeds() -> list[bytes]:
    import docx

    document = docx.Document()
    document.core_properties.title = "Harbour"
    document.add_paragraph("Gwadar’s harbour opens", style="Title")
    for sentence in SENTENCES:
        document.add_paragraph(sentence)
    table = document.add_table(2, 2)
    table.cell(0, 0).merge(table.cell(1, 0)).text = "high"
    stream = io.BytesIO()
    document.save(stream)
    with zipfile.ZipFile(stream) as archive:
        plain = archive.read("word/document.xml")
    text = "<w:r><w:t>a b</w:t></w:r>"
    fields = "".join(f"<w:r><w:fldChar w:fldCharType='{kind}'/></w:r>{text}" for kind in ("begin", "separate", "end"))
    rich = (
        f"<w:document xmlns:w='{WORD}' xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006' "
        "xmlns:m='http://schemas.openxmlformats.org/officeDocument/2006/math'><w:body><w:p><w:pPr>"
        f"<w:pStyle w:val='Title'/><w:rPr><w:del/></w:rPr></w:pPr><w:ins>{text}</w:ins><w:del>{text}</w:del>{fields}"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>h</w:t></w:r>"
        f"<w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p>{text}</w:p>"
        f"</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent><w:p>{text}</w:p></w:txbxContent></mc:Fallback>"
        "</mc:AlternateContent><w:tab/><w:br/><w:noBreakHyphen/><w:sym w:char='F0B3'/><w:footnoteReference "
        f"w:customMarkFollows='1'/></w:r><m:oMath/></w:p><w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent><w:p>"
        f"{text}</w:p></w:sdtContent></w:sdt><w:tbl><w:tr><w:trPr><w:del/></w:trPr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p>"
        f"{text}</w:p></w:tc><w:tc><w:p>{SENTENCES[0]}</w:p></w:tc></w:tr></w:tbl></w:body></w:document>"
    )
    return [plain, rich.encode(), word_file(rich.encode()), stream.getvalue()]


# What is repeated. A part that is done again for each of many pieces costs little on a page, and minutes on these

_BORDER = "¦"
_TEXT = (
    "a¦a ¦A ¦a.¦A. ¦A B, ¦and ¦a\n¦A\n¦a\n\n¦\n¦ \n¦\r¦\r\n¦\t¦ ¦\xa0¦\u3000¦\x85¦\u2028¦\u200d¦\u200f¦\u0301¦|¦ | ¦-"
    "¦- ¦* ¦#¦# x\n¦> ¦---\n¦```¦](¦[¦(¦((¦<¦&¦&amp;¦'¦\"¦“¦‘¦«¦:¦：¦...¦…\n¦a…\n¦_¦—¦1¦1,¦1. ¦%¦$5 ¦۲¦12:30 "
    "¦2020-01-01 ¦2 June 2020 ¦Monday ¦2020年1月1日¦年¦۲۰۲۵ء ¦By ¦by A B\n¦Mr. ¦U.S. ¦e.g. ¦©¦Read more\n¦Share ¦a-\n¦۔"
    "¦گ ¦的¦，¦。¦http://¦https://a.b/¦a@b.c "
).split(_BORDER)
_ELEMENTS = (
    "<p>¦</p>¦<div>¦</div>¦<b>¦<a href='/'>a</a>¦<li>¦<br>¦<table><tr><td>¦<td>¦<h2>a</h2>¦<article>¦<script>¦<!--"
    "¦<time datetime='2020-01-01'>¦<meta name='author' content='A B'>¦&#8217;"
).split(_BORDER)
_RUN = "</w:t></w:r>{}<w:r><w:t>"
_PARAGRAPH = "</w:t></w:r></w:p>{}<w:p><w:r><w:t>"
_MARKUP = {
    "jsonl": ('"}\n{"id": "b", "text": "', '", "text": "', "\\ud800", "\\n", "{", "[", '{"a":', "\n"),
    "html": _ELEMENTS,
    "mhtml": (*_ELEMENTS, "----x\r\n", "Content-Type: text/html\r\n", "=?utf-8?Q?a?= ", "=20", "=\r\n", "\r\n "),
    "docx": (
        _PARAGRAPH.format(""),
        "</w:t></w:r></w:p><w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>",
        *(_PARAGRAPH.format(between) for between in ("</w:tc><w:tc>", "</w:tc></w:tr><w:tr><w:tc>")),
        *(
            _RUN.format(between)
            for between in ("", "<w:del/>", "<w:r><w:tab/></w:r>", "<w:r><w:sym w:char='B1'/></w:r>")
        ),
        *(_RUN.format(f"<w:r><w:fldChar w:fldCharType='{kind}'/></w:r>") for kind in ("begin", "separate", "end")),
    ),
    "pdf": (
        "T* ¦0 -14 Td ¦9 0 Td ¦1 0 0 1 50 700 Tm ¦ET BT ¦/F 10 Tf ¦3 Tr ¦9 Tc ¦q ¦Q ¦[¦<<¦[(a) -500 (b)] TJ "
        "¦0 0 9 9 re f ¦0 0 m 9 9 l S ¦stream\n¦endstream\n¦1 0 obj\n¦endobj\n¦%"
    ).split(_BORDER),
    "feed": (
        "<item>¦</item>¦<link>https://a.org/1</link>¦<pubDate>Mon, 02 Jun 2025 09:30:00 +0500</pubDate>"
        "¦<item><link>a</link></item>¦<url><loc>https://a.org/1</loc></url>¦<entry><link href='b'/></entry>"
        "¦<guid>https://a.org/1</guid>¦<!--¦<![CDATA[¦<link rel='alternate' type='application/rss+xml' href='f'>"
    ).split(_BORDER),
}


def tokens(reader: str) -> list[str]:
    """Short pieces of text and of markup, as the format writes them."""
    written: dict[str, Callable[[str], str]] = {
        "jsonl": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
        "docx": escape,
        "feed": escape,
        "pdf": lambda text: "({}) Tj ".format(text.replace("(", r"\(")),
    }
    write = written.get(reader, str)
    return [*(write(text) for text in _TEXT), *_MARKUP.get(reader, ())]


def repeated(reader: str, token: str, *, largest: int) -> Iterator[bytes]:
    """Inputs of a format in which the token stands again and again, each of nearly `largest` bytes."""
    piece = token.encode()
    for framed in _frames(reader):
        yield framed(piece * ((largest - len(framed(b"")) - 10) // len(piece)))


def _frames(reader: str) -> list[Callable[[bytes], bytes]]:
    """What makes an input of the bytes that are repeated: they alone, or a real input around them."""
    first, second = (sentence.encode() for sentence in SENTENCES[:2])
    archive, cell = _web_archive("8bit"), "<w:tbl><w:tr><w:tc><w:p><w:r><w:t></w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
    document = f"<w:document xmlns:w='{WORD}'><w:body>{cell}<w:p/></w:body></w:document>".encode()
    frames: dict[str, Callable[[], list[Callable[[bytes], bytes]]]] = {
        "text": lambda: [bytes, _around(first + b" \n\n" + second, b"\n\n")],
        "markdown": lambda: [bytes, _around(_markdown(first), b"> quoted"), _around(_markdown(first), b"\n---")],
        "jsonl": lambda: [bytes, _around(b'{"id": "a", "text": ""}', b'"}')],
        "html": lambda: [bytes, _around(_page("utf-8"), b"</p>"), _around(_page("utf-8"), b"</title>")],
        "mhtml": lambda: [bytes, _around(archive, b"</p>"), _around(archive, b"Harbour=20")],
        "docx": lambda: [_around(document, b"</w:t>")],  # what is no XML from its start is refused there
        "pdf": lambda: [b"%PDF-1.7\n".__add__, lambda body: _pdf([b"BT /F 10 Tf 14 TL 50 750 Td " + body + b" ET"])],
        "feed": lambda: [bytes, *(_around(plain, b"</") for plain in _feeds()[:6])],
    }
    return frames[reader]()


def _around(whole: bytes, mark: bytes) -> Callable[[bytes], bytes]:
    """Puts the bytes before the last `mark` of an input."""
    before, mark, after = whole.rpartition(mark)
    return lambda body: before + body + mark + after
