"""What a request's body may be: JSON, declared so, of some size."""

import bz2
import gzip
import json
import lzma
import zlib

import pytest

from tests.support.api import Client
from tests.support.contract import TITLE_TYPE

UNREADABLE = {
    "missing": None,
    "empty": "",
    "blank": "  ",
    "cut off": '{"title": "a"',
    "two values": '{"title": "a"} {}',
    "single quotes": "{'title': 'a'}",
    "NaN": '{"title": "a", "x": NaN}',
    "nested too deep": "[" * 30_000,
    "latin-1": b'{"title": "\xe9"}',
    "UTF-16": '{"title": "a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"title": "a"}',
}


@pytest.mark.parametrize("function", ["create_task", "update_task"])
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_refuses_what_is_not_json(
    user: Client, function: str, body: str | bytes | None
) -> None:
    answer = user.send(
        function,
        1 if function == "update_task" else None,
        body=body,
        headers={"content-type": "application/json"},
    )

    assert answer.status == 400
    assert set(answer.json) == {"error", "message"}
    assert answer.json["error"] == "bad_request"


def test_says_where_json_is_broken(user: Client) -> None:
    answer = user.send("create_task", body='{"title": "secret",\n oops}')

    assert answer.json == {
        "error": "bad_request",
        "message": "The body must be valid JSON in UTF-8: Expecting property name "
        "enclosed in double quotes at line 2, column 2",
    }


WHY: dict[str, tuple[str | bytes, str, str]] = {
    "gzip": (gzip.compress(b'{"title": "a"}'), "gzip", "compressed"),
    "gzip, not declared": (gzip.compress(b'{"title": "a"}'), "", "compressed"),
    "zlib": (zlib.compress(b'{"title": "a"}'), "", "compressed"),
    "zlib, little": (zlib.compress(b'{"title": "a"}', 1), "", "compressed"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x00\xff", "", "compressed"),
    "zip": (b"PK\x03\x04\x14\x00\xff", "", "compressed"),
    "bzip2": (bz2.compress(b'{"title": "a"}'), "", "compressed"),
    "xz": (lzma.compress(b'{"title": "a"}'), "", "compressed"),
    "declared brotli": (b"\x0b\x06\x80{}\x03", "br", "compressed"),
    "declared gzip, but JSON": ('{"title": "a"}', "GZIP", "compressed"),
    "declared twice": ('{"title": "a"}', "gzip, identity", "compressed"),
    "BOM": (b'\xef\xbb\xbf{"title": "a"}', "", "byte order mark"),
    "BOM in text": ('\ufeff{"title": "a"}', "", "byte order mark"),
    "BOM alone": (b"\xef\xbb\xbf", "", "byte order mark"),
    "UTF-16": ('{"title": "a"}'.encode("utf-16"), "", "UTF-16"),
    "UTF-16, big": ('{"title": "a"}'.encode("utf-16-be"), "", "UTF-16"),
    "UTF-16, little": ('{"title": "a"}'.encode("utf-16-le"), "", "UTF-16"),
    "UTF-32": ('{"title": "a"}'.encode("utf-32"), "", "UTF-32"),
    "UTF-32, big": ('{"title": "a"}'.encode("utf-32-be"), "", "UTF-32"),
    "latin-1": (b'{"title": "\xe9"}', "", "byte 12 is not UTF-8"),
    "UTF-8 cut off": (b'{"title": "\xc3', "", "byte 12 is not UTF-8"),
    "a lone surrogate in text": ('{"title": "\ud800"}', "", "byte 12 is not UTF-8"),
    "NaN": ('{"x": NaN}', "", "NaN is not in JSON"),
    "minus infinity": ('{"x": -Infinity}', "", "-Infinity is not in JSON"),
    "nested too deep": ("[" * 30_000, "", "nested too deep"),
    "x^2": ("x^2", "", "Expecting value at line 1, column 1"),
    "single quotes": ("{'title': 'a'}", "", "in double quotes at line 1, column 2"),
    "blank": (" \n", "", "Expecting value at line"),
}


@pytest.mark.parametrize(("body", "encoding", "why"), WHY.values(), ids=list(WHY))
def test_says_why_a_body_cannot_be_read(
    user: Client, body: str | bytes, encoding: str, why: str
) -> None:
    headers = {"content-encoding": encoding} if encoding else {}

    answer = user.send("create_task", body=body, headers=headers)

    assert (answer.status, answer.json["error"]) == (400, "bad_request")
    assert why in answer.json["message"].replace("enclosed in", "in")


def test_takes_a_body_that_is_declared_not_to_be_encoded(user: Client) -> None:
    headers = {"content-encoding": "Identity"}

    answer = user.send("create_task", json_body={"title": "a"}, headers=headers)

    assert answer.status == 201


NUMBERS = {
    "4,301 digits": "1" * 4301,
    "60,000 digits": "-" + "1" * 60_000,
    "beyond a double": "1e999",
    "tiny": "1e-999",
    "9,000 decimals": "0." + "1" * 9000,
}


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
def test_a_number_may_be_of_any_size(user: Client, number: str) -> None:
    ignored = user.send("create_task", body=f'{{"title": "a", "x": [{number}]}}')
    invalid = user.send("create_task", body=f'{{"title": {number}}}')

    assert ignored.status == 201
    assert invalid.status == 422
    assert invalid.json["message"] == f"{TITLE_TYPE}, not a number"


def test_of_two_fields_with_one_name_the_last_counts(user: Client) -> None:
    answer = user.send("create_task", body='{"title": 1, "title": "b"}')

    assert (answer.status, answer.json["title"]) == (201, "b")


def test_an_unknown_field_may_be_nested_deeply(user: Client) -> None:
    answer = user.send(
        "create_task", body='{"title": "a", "x": ' + "[" * 500 + "]" * 500 + "}"
    )

    assert answer.status == 201


@pytest.mark.parametrize(
    "declared",
    [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "json",
        "application",
        "application/",
        "application/json+",
        "application/jsonx",
        "application/json, application/json",
        "application/+json",
        "application/a/b+json",
        "application/a b+json",
        "application/a;b+json",
        "application/é+json",
        "image/svg+json",
        "\ud800",
        "x" * 5000,
    ],
    ids=lambda declared: ascii(declared[:40]),
)
@pytest.mark.parametrize("function", ["create_task", "complete_task"])
def test_refuses_json_that_is_not_declared(
    user: Client, function: str, declared: str
) -> None:
    id = {"complete_task": 1}.get(function)

    answer = user.send(
        function, id, body='{"title": "a"}', headers={"content-type": declared}
    )

    assert answer.status == 400
    assert answer.json == {
        "error": "bad_request",
        "message": "The body must be declared as JSON, with Content-Type: "
        "application/json",
    }


@pytest.mark.parametrize(
    "declared",
    [
        "application/json; charset=utf-8",
        "application/json;",
        " application/json ",
        'application/json; a="b; c/d"',
        "application/json; application/xml",
        "Application/JSON",
        "application/merge+json",
        "application/vnd.api.v1_2-x+json",
        "application/a+b+JSON",
    ],
)
def test_takes_json_however_it_is_declared(user: Client, declared: str) -> None:
    answer = user.send(
        "create_task", body='{"title": "a"}', headers={"content-type": declared}
    )

    assert answer.status == 201


def test_takes_a_base64_body(user: Client) -> None:
    body = json.dumps({"title": "Ünïcödé 🎉"}, ensure_ascii=False).encode()

    assert user.send("create_task", body=body).json["title"] == "Ünïcödé 🎉"


def test_refuses_a_large_body(user: Client) -> None:
    head, tail = '{"title": "a", "x": "', '"}'
    filling = "x" * (65536 - len(head) - len(tail))

    fits = user.send("create_task", body=head + filling + tail)
    too_large = user.send("create_task", body=head + filling + "x" + tail)

    assert fits.status == 201
    assert too_large.status == 413
    assert too_large.json == {
        "error": "payload_too_large",
        "message": "The body must be at most 65536 bytes",
    }
