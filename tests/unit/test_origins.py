"""Origins that can never match are refused, here and by the stack's parameter."""

import re
from typing import Any

import pytest

from local.origins import origin_problem, parse_origins
from local.template import TemplateError, load_template, read_template
from tests.support.project import ROOT

PARAMETERS: Any = read_template(ROOT / "template.yaml")["Parameters"]
PATTERN: str = PARAMETERS["AllowedOrigins"]["AllowedPattern"]

ORIGINS = [
    "*",
    "http://*",
    "https://*",
    "http://localhost",
    "http://localhost:3000",
    "http://localhost:65535",
    "https://localhost:80",
    "http://localhost:443",
    "http://127.0.0.1:5173",
    "http://192.168.1.20:8081",
    "http://[::1]:3000",
    "https://example.com",
    "https://a-b.c_d.example.com:8443",
    "https://xn--bcher-kva.example",
    "https://3.example.com",
    "https://1password.com",
    "capacitor://localhost",
    "ionic://localhost",
    "tauri://localhost",
    "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
    "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
    "app://obsidian.md",
]

NO_ORIGINS = {
    "empty": "",
    "null": "null",
    "slash at the end": "http://localhost:3000/",
    "path": "https://example.com/app",
    "query": "https://example.com?a=1",
    "fragment": "https://example.com#top",
    "backslash": "https://example.com\\app",
    "user": "https://alice@example.com",
    "user and password": "https://alice:secret@example.com",
    "no scheme": "localhost:3000",
    "no scheme, a domain": "example.com",
    "scheme-relative": "//example.com",
    "one slash": "http:/localhost:3000",
    "no colon": "http//localhost:3000",
    "three slashes": "http:///localhost",
    "no host": "https://",
    "port alone": "https://:3000",
    "double quotes": '"https://example.com"',
    "single quotes": "'https://example.com'",
    "curly quotes": "\u201chttps://example.com\u201d",
    "backquotes": "`https://example.com`",
    "JSON": '["https://example.com"]',
    "YAML": "[https://example.com]",
    "angle brackets": "<https://example.com>",
    "two with a space": "https://a.example https://b.example",
    "two with a semicolon": "https://a.example;https://b.example",
    "new line inside": "https://a.example\nhttps://b.example",
    "upper-case scheme": "HTTPS://example.com",
    "upper-case host": "https://Example.com",
    "Unicode host": "https://bücher.example",
    "Unicode dot": "https://example\u3002com",
    "wildcard for subdomains": "https://*.example.com",
    "wildcard for the port": "http://localhost:*",
    "wildcard at the end": "https://example.*",
    "wildcard for the scheme": "*://example.com",
    "wildcard without a scheme": "*.example.com",
    "two stars": "**",
    "wildcard of an app": "capacitor://*",
    "default port of http": "http://localhost:80",
    "default port of https": "https://example.com:443",
    "port 0": "http://localhost:0",
    "port with a zero in front": "http://localhost:03000",
    "port too high": "http://localhost:65536",
    "port is a name": "http://localhost:http",
    "empty port": "http://localhost:",
    "two ports": "http://localhost:1:2",
    "dot at the end": "https://example.com.",
    "two dots": "https://example..com",
    "dot in front": "https://.example.com",
    "IPv4 with three parts": "http://127.0.1",
    "IPv4 with five parts": "http://127.0.0.0.1",
    "IPv4 out of range": "http://256.0.0.1",
    "IPv4 with zeros in front": "http://127.0.0.01",
    "IPv4 as a number": "http://2130706433",
    "IPv6 without brackets": "http://::1:3000",
    "percent-encoded": "https://ex%61mple.com",
    "file": "file:///home/me/index.html",
    "WebSocket": "wss://example.com",
    "data": "data:text/html,hello",
}


@pytest.mark.parametrize("origin", ORIGINS)
def test_accepts_what_browsers_send(origin: str) -> None:
    assert origin_problem(origin, PATTERN) is None
    assert re.fullmatch(PATTERN, origin)


@pytest.mark.parametrize("entry", NO_ORIGINS.values(), ids=NO_ORIGINS)
def test_refuses_what_no_browser_sends(entry: str) -> None:
    assert origin_problem(entry, PATTERN)
    # CloudFormation holds each entry of a CommaDelimitedList to it.
    assert not re.fullmatch(PATTERN, entry)


def test_lists_each_origin_once() -> None:
    text = " https://a.example,https://b.example , https://a.example"

    assert parse_origins(text, PATTERN) == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(
            "https://a.example,http://b.example:3000/",
            "origin 2 of 2 has a path; it must end after the host and port, "
            "without a slash",
            id="slash",
        ),
        pytest.param("https://a.example,", "origin 2 of 2 is empty", id="comma"),
        pytest.param(
            "https://me:hunter2@a.example",
            "origin 1 of 1 has a user name or password; an origin has none",
            id="password",
        ),
    ],
)
def test_says_in_one_line_which_entry_is_wrong_and_why(text: str, says: str) -> None:
    with pytest.raises(TemplateError) as raised:
        load_template(ROOT / "template.yaml", text)

    assert str(raised.value) == f"ALLOWED_ORIGINS: {says}."


@pytest.mark.parametrize("text", ["", " "], ids=["empty", "blank"])
def test_a_blank_setting_is_none(text: str) -> None:
    cors = load_template(ROOT / "template.yaml", text).cors

    assert cors
    assert cors.allow_origins == ("http://localhost:3000", "http://localhost:5173")
