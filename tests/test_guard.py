"""Which addresses are reached, by which names, and what a URL is known by."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import pytest
from conftest import SILENT
from hypothesis import given, settings
from hypothesis import strategies as st
from web_server import Page, fetcher, refusal, site

from retrieval.errors import RefusedSource
from retrieval.web.fetch import normalised
from retrieval.web.guard import is_public

pytestmark = pytest.mark.usefixtures("connected")  # which lets nothing leave this machine

TEXT = "گوادر کی بندرگاہ نے پیر کو نیا ٹرمینل کھولا۔ ".encode() * 40
PAGE = Page(TEXT, {"Content-Type": "Text/HTML; Charset=UTF-8", "ETag": '"v1"', "Last-Modified": "Mon, 02 Jun 2025"})
PUBLIC = "93.184.215.14"


# Addresses


@pytest.mark.parametrize(
    "address",
    # The IANA special-purpose registries' rows that are not globally reachable, the first and last address of each.
    "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255 169.254.0.0"
    " 169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.0 192.168.255.255"
    " 198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255"
    " 100.100.100.200 168.63.129.16"  # two clouds' own services
    " :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:10.0.0.1 64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe"
    " 64:ff9b:1::1 64:ff9b:1::8.8.8.8 100::1 2001::1 2001:0:7f00:1::1 2001:2::1 2001:10::1 2001:db8::1 2002:7f00:1::1"
    " 2002:808:808::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 4000::1".split(),
)
def test_a_special_address_is_never_reached(address: str, connected: list[str]) -> None:
    assert not is_public(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    assert "expected a public address, found" in refusal(f"http://{host}/")
    assert connected == []


@pytest.mark.parametrize(
    "address",
    "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 169.253.255.255 169.255.0.0"
    " 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255"
    " 2606:4700::1111 2a00:1450::1 2001:200::1 2003::1 64:ff9b::8.8.8.8".split(),
)
def test_a_public_address_is_reached(address: str, connected: list[str]) -> None:
    host = f"[{address}]" if ":" in address else address
    refusal(f"http://{host}/")
    assert [ipaddress.ip_address(one) for one in connected] == [ipaddress.ip_address(address)]


@given(st.ip_addresses())
def test_what_is_public_the_standard_library_calls_global(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    nat64 = ipaddress.ip_network("64:ff9b::/96")
    assert not is_public(address) or (address.is_global and not address.is_multicast) or address in nat64


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.01/",
        "http://１２７.０.０.１/",
        "http://127。0。0。1/",
        "http://①②⑦.0.0.1/",
        "http://[::1%25lo]/",
        "http://[fe80::1%eth0]/",
        "http://[::1/",
        "http://127.0.0.1\\@example.org/",
        "http://exa mple.org/",
        "http://example.org:99999/",
        "http://example.org:-1/",
        "http://example.org:0/",
        "http://example.org:port/",
        "http://example..org/",
        "http://-example.org/",
        "http://example.org/\r\nX: y",
        "http:///path",
        "http://",
        "http:example.org",
        "http://" + "a." * 200 + "org/",
        "http://example.org/" + "a" * 5000,
        "http://example.org/" + "ٹ" * 1000,
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org/",
        "data:text/html,x",
        "javascript:alert(1)",
        "//example.org/",
        "example.org",
        "",
        "\ud800",
    ],
)
def test_what_is_no_address_of_a_page_is_refused(url: str, connected: list[str]) -> None:
    refusal(url)
    assert connected == []


def test_a_percent_sign_hides_no_address(connected: list[str]) -> None:
    assert "found 127.0.0.1" in refusal("http://127%2e0%2E0.1/")
    assert connected == []


@pytest.mark.parametrize(
    "url",
    [
        "https://sana:Gw4dar@127.0.0.1/a",
        "https://sana:Gw4dar@example.org/a",
        "https://sana:Gw/4dar@example.org/a",
        "https://sana:Gw#4dar@example.org/a",
        "https://sana:Gw?4dar@exa mple.org/a",
        "https:\\\\sana:Gw4dar@example.org",
        "ftp://sana:Gw4dar@example.org",
        "https:sana:Gw4dar@example.org",
    ],
)
def test_a_password_is_refused_and_never_repeated(url: str) -> None:
    with site({"/a": Page(status=302, headers={"Location": url})}) as here:
        for line in (refusal(url), refusal(here.url("/a"), here.place)):
            assert "sana" not in line
            assert "Gw" not in line
            assert "4dar" not in line


def test_a_name_and_password_are_not_left_out_and_the_rest_fetched() -> None:
    with site({"/a": PAGE}) as here:
        assert "without name and password" in refusal(here.url("/a", "sana:Gw4dar@127.0.0.1"), here.place)
        assert here.asked == []


@pytest.mark.parametrize("port", [1, 22, 25, 81, 1023])
def test_ports_of_other_services_are_refused(port: int, connected: list[str]) -> None:
    assert f"found {port}" in refusal(f"http://{PUBLIC}:{port}/")
    assert connected == []


@pytest.mark.parametrize("port", [80, 443, 1024, 8080, 65535])
def test_ports_of_the_web_are_reached(port: int, connected: list[str]) -> None:
    refusal(f"http://{PUBLIC}:{port}/")
    assert connected == [PUBLIC]


@pytest.mark.parametrize(
    "leads", ["http://169.254.169.254/", "http://[::ffff:169.254.169.254]/", "//10.0.0.1/", "//localhost/"]
)
def test_no_redirect_leads_to_a_special_address(leads: str, connected: list[str]) -> None:
    with site({"/a": Page(status=302, headers={"Location": leads})}) as here:
        line = refusal(here.url("/a"), here.place)
    assert line.startswith(f"{here.url('/a')}: redirected to http://")
    assert "expected a public address" in line
    assert connected == ["127.0.0.1"] * 2  # robots.txt and the redirect


def test_what_is_allowed_is_that_host_and_that_port() -> None:
    with site({"/a": PAGE}) as here, site({"/a": PAGE}) as other:
        one = fetcher(here.place)
        assert one.fetch(here.url("/a")) is not None
        with pytest.raises(RefusedSource, match="public address"):
            one.fetch(other.url("/a"))
        with pytest.raises(RefusedSource, match="public address"):
            one.fetch(here.url("/a", "localhost"))
        assert other.asked == []
    with pytest.raises(ValueError, match="host:port"):
        fetcher("127.0.0.1")


# Names


@pytest.mark.parametrize("answer", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1", PUBLIC], [PUBLIC, "::ffff:10.0.0.1"]])
def test_a_name_with_a_special_address_among_its_own_is_refused(
    answer: list[str], names: Callable[..., list[str]], connected: list[str]
) -> None:
    names({"quoth.test": [answer]})
    assert "expected a public address" in refusal("http://quoth.test/")
    assert connected == []


def test_a_name_that_changes_its_mind_gets_no_further_than_its_first_answer(
    names: Callable[..., list[str]], connected: list[str]
) -> None:
    """DNS rebinding: public when it is checked, private when it is connected to."""
    looked_up = names({"quoth.test": [[PUBLIC], ["127.0.0.1"]]})
    refusal("http://quoth.test/")
    assert connected == [PUBLIC]
    assert looked_up == ["quoth.test"]
    assert "found 127.0.0.1" in refusal("http://quoth.test/")
    assert connected == [PUBLIC]


def test_each_connection_looks_its_name_up_once(names: Callable[..., list[str]]) -> None:
    looked_up = names({"quoth.test": [["127.0.0.1"]]})
    with site({"/a": PAGE}) as here:
        found = fetcher(here.place.replace("127.0.0.1", "quoth.test")).fetch(here.url("/a", "Quoth.Test"))
    assert found is not None
    assert looked_up == ["quoth.test"] * 2  # for robots.txt and for the page
    assert here.asked[1].headers["Host"] == here.place.replace("127.0.0.1", "quoth.test")


def test_a_silent_address_leaves_time_for_the_next(names: Callable[..., list[str]], connected: list[str]) -> None:
    names({"quoth.test": [[SILENT, "127.0.0.1"]]})
    with site({"/a": PAGE, "/robots.txt": Page(status=404)}) as here:
        one = fetcher(here.place.replace("127.0.0.1", "quoth.test"), seconds=1.5)
        assert one.fetch(here.url("/a", "quoth.test")) is not None
    assert connected == [SILENT, "127.0.0.1"] * 2


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch, connected: list[str]) -> None:
    with site({}) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.place}")
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.place}")
        refusal(f"http://{PUBLIC}/")
        assert proxy.asked == []
    assert connected == [PUBLIC]


# Keys


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("https://example.org:443/a#b", "https://example.org/a"),
        ("http://example.org:443/", "http://example.org:443/"),
        ("http://example.org:/", "http://example.org/"),
        ("http://example.org./a?b=C", "http://example.org/a?b=C"),
        ("http://example.org?b", "http://example.org/?b"),
        (" http://example.org/a/../b/./c ", "http://example.org/b/c"),
        ("http://Bücher.example/ü?ü", "http://xn--bcher-kva.example/%C3%BC?%C3%BC"),
        ("http://例え.jp/a b", "http://xn--r8jz45g.jp/a%20b"),
        ("http://example.org/%7Ea%2fb", "http://example.org/%7Ea%2Fb"),
        ("http://[2606:4700:0:0::1]:80/", "http://[2606:4700::1]/"),
        ("http://[::FFFF:127.0.0.1]/", "http://[::ffff:127.0.0.1]/"),
        ("http://medium.com/@sana/a", "http://medium.com/@sana/a"),
    ],
)
def test_a_url_has_one_key(url: str, key: str) -> None:
    assert normalised(url) in {key, key.replace("::ffff:127.0.0.1", "::ffff:7f00:1")}


@settings(max_examples=50)
@given(st.text(st.sampled_from("aA./%2f ?#:@ü例\\[]-"), max_size=12), st.text(max_size=12))
def test_a_key_is_its_own_key(host: str, rest: str) -> None:
    url = f"http://a{host}/{rest}"
    try:
        key = normalised(url)
    except RefusedSource:
        return
    assert normalised(key) == key
    assert key.isascii()
    assert key.isprintable()
