"""`make doctor TOKEN=...`: what the API would check of a token, and what fails.

The settings come from the environment and from `.env`, as for `make run`. The checks
are the API's own; here they go on after the first that fails, and say more.
"""

import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain, starmap
from typing import NamedTuple

from dotenv import load_dotenv

from local import doctor_database
from local.tokens import LOCAL, ROOT, is_configured
from taskapi.auth import jwks, tokens
from taskapi.auth.fetch import HEADERS
from taskapi.errors import ServiceUnavailable, SettingsError
from taskapi.log import logger
from taskapi.settings import BetterAuth, Expected, better_auth, secret_remark
from taskapi.web import authenticated as auth
from taskapi.web.event import percent_encode

OK, FAILED, NOTE = "ok", "FAILED", "note"
CUT_OFF = "The token is cut off: copy all of it."
# An RSA key's own size makes its signatures longer or shorter.
SIGNATURE_CHARACTERS = {"HS256": 43, "EdDSA": 86, "ES256": 86, "ES512": 176}


TOKEN = re.compile(
    r"(?:(?<![\w.-])|(?<=%20))eyJ[\w-]*\.[\w-]+\.[\w-]+(?![\w=-]|\.[\w-])", re.ASCII
)
"""A JWT in a longer text: neither of fewer parts nor of more."""


class Finding(NamedTuple):
    """One line of the report."""

    kind: str
    sentence: str


def main() -> int:
    load_dotenv(ROOT / ".env")
    if not sys.stdin.isatty() or "TOKEN" in os.environ:
        given = os.environ.get("TOKEN") or sys.stdin.read()
    else:
        given = input("Paste the token: ")
    failed = False
    about_database = starmap(Finding, doctor_database.findings())
    for finding in chain(about_database, findings(given)):
        print(f"{finding.kind:6}  {finding.sentence}")
        failed = failed or finding.kind == FAILED
    return 1 if failed else 0


def findings(given: str) -> Iterator[Finding]:
    """Yield what there is to say of the settings, the keys and the token."""
    yield from development_secret()
    try:
        config = better_auth()
    except SettingsError as error:
        yield Finding(FAILED, f"{error}.")
        return
    except ServiceUnavailable as error:
        # The reason is for the log alone, and quotes no value.
        reason = logger.get_current_keys().get("reason", error.message)
        yield Finding(FAILED, f"{reason}.")
        return
    yield from settings_findings(config)
    if config.jwks_url:
        yield from jwks_findings(config.jwks_url)
    token = pasted_token(given)
    if token:
        if token != given.strip():
            yield Finding(
                NOTE,
                "What was pasted is more than the token. The API takes it in this "
                "header alone: Authorization: Bearer eyJ...",
            )
        yield from token_findings(token, config)
        yield verdict(token)
    else:
        yield Finding(FAILED, "No token was given: make doctor TOKEN=eyJ...")


def pasted_token(given: str) -> str:
    """Return the token in what people paste: a header, a curl command, JSON, a cookie.

    Line breaks inside a token are from a terminal that has wrapped the line.
    """
    text = given.strip()
    if text[:1] in ("{", "[", '"'):
        with suppress(ValueError):
            text = max(strings_in(json.loads(text)), key=looks_like_a_token, default="")
    if bearer := re.search(r"\bBearer(?::|\s)\s*([^'\"`\\]+)", text, re.IGNORECASE):
        text = bearer[1]
    elif pair := re.search(r"[\w.-]+[\"']?\s*[=:]\s*[\"'`]?(eyJ[^;,'\"`]+)", text):
        text = pair[1]
    text = text.partition(" -")[0].strip(" \t\r\n\"'`,;\u201c\u201d\u2018\u2019\ufeff")
    pieces = re.split(r"\s*[\r\n]\s*", text)
    if re.fullmatch(r"eyJ[\w-]*\.[\w-]*\.[\w-]*", "".join(pieces)):
        return "".join(pieces)
    if len(found := set(TOKEN.findall(given))) == 1:
        return str(found.pop())
    return pieces[0] if len(pieces) > 1 and looks_like_a_token(pieces[0]) else text


def strings_in(value: object) -> Iterator[str]:
    """Yield each text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from strings_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings_in(member)


def looks_like_a_token(text: str) -> bool:
    return text.count(".") == 2 and "eyJ" in text


def development_secret() -> Iterator[Finding]:
    """Take the secret that `make run` makes, where nothing else is set."""
    path = LOCAL / "secret"
    if not is_configured() and path.exists():
        os.environ["BETTER_AUTH_SECRET"] = path.read_text()
        yield Finding(
            NOTE,
            "Neither BETTER_AUTH_SECRET nor BETTER_AUTH_URL is set: as `make run` "
            "does, this takes the development secret of `make token`.",
        )


def settings_findings(config: BetterAuth) -> Iterator[Finding]:
    asymmetric = ", ".join(jwks.ALGORITHMS)
    if config.secret is None:
        yield Finding(NOTE, "HS256 is refused: BETTER_AUTH_SECRET isn't set.")
    else:
        yield Finding(OK, "HS256 is checked with BETTER_AUTH_SECRET.")
        if remark := secret_remark(config.secret.decode(errors="replace")):
            yield Finding(NOTE, f"{remark}.")
        yield from expectations("HS256", config.by_secret)
    if config.jwks_url is None:
        yield Finding(NOTE, f"{asymmetric} are refused: BETTER_AUTH_URL isn't set.")
    else:
        yield Finding(OK, f"{asymmetric} are checked with {config.jwks_url}")
        yield from expectations("These", config.by_jwks)


def expectations(algorithms: str, expected: Expected) -> Iterator[Finding]:
    for claim, value, name in (
        ("iss", expected.issuer, "BETTER_AUTH_ISSUER"),
        ("aud", expected.audience, "BETTER_AUTH_AUDIENCE"),
    ):
        if value is None:
            yield Finding(NOTE, f"{algorithms}: any {claim} will do; {name} isn't set.")
        else:
            yield Finding(OK, f"{algorithms}: {claim} must be {tokens.shown(value)}.")


def jwks_findings(url: str) -> Iterator[Finding]:
    try:
        keys = jwks.keys_at(url)
    except jwks.Unavailable as error:
        yield Finding(
            FAILED,
            f"The keys are not reachable: {error}. Until they have been, the API "
            "answers 503. Does Better Auth run there, with the jwt() plugin? See what "
            f"the API sees: curl -i -A '{HEADERS['User-Agent']}' '{url}'. If Better "
            "Auth's baseURL has a path, the keys are at <baseURL>/jwks: set "
            "BETTER_AUTH_JWKS_URL to that.",
        )
        return
    listed = (f"{kid} ({', '.join(of_kid)})" for kid, of_kid in keys.items())
    yield Finding(OK, f"The JWKS holds: {'; '.join(listed)}.")


def token_findings(token: str, config: BetterAuth) -> Iterator[Finding]:
    """Yield what fails in the header, then in the signature, then in the claims."""
    try:
        header = tokens.header_of(token)
    except tokens.InvalidToken as error:
        hint = hint_about_form(token) or hint_about_size(token)
        yield Finding(FAILED, f"{sentence(error)} {hint}".strip())
        return
    algorithm = tokens.shown(header.get("alg"))
    yield Finding(OK, f"The token's alg is {algorithm}.")
    try:
        tokens.signatures(config).payload(token, header)
        yield Finding(OK, "The signature is right.")
    except ServiceUnavailable:
        yield Finding(FAILED, "The signature can't be checked without the JWKS.")
    except tokens.InvalidToken as error:
        hint = hint_about_end(token, header) or hint_about_key(header, config)
        yield Finding(FAILED, f"{sentence(error)} {hint}".strip())
    yield from claim_findings(token, tokens.expected_of(header, config))


def claim_findings(token: str, expected: Expected) -> Iterator[Finding]:
    """Yield what fails in the claims, whoever has signed them."""
    try:
        payload = token.split(".")[1]
        claims = tokens.parsed(tokens.decoded(payload), "payload")
    except tokens.InvalidToken as error:
        yield Finding(FAILED, sentence(error))
        return
    now = time.time()
    failures = list(tokens.failures(claims, expected, now))
    for failure in failures:
        yield Finding(FAILED, sentence(failure))
    if not failures and tokens.is_time(exp := claims["exp"]):
        yield Finding(OK, f"The claims are right, for {tokens.span(exp - now)} more.")
    if any("wrong issuer" in failure for failure in failures):
        yield Finding(NOTE, "Set BETTER_AUTH_ISSUER, or Better Auth's baseURL.")
    if any("wrong audience" in failure for failure in failures):
        yield Finding(NOTE, "Set BETTER_AUTH_AUDIENCE, or Better Auth's baseURL.")


def verdict(token: str) -> Finding:
    """Return what the API itself says."""
    try:
        user = tokens.subject(auth.bearer_token(f"Bearer {token}"))
    except (tokens.InvalidToken, ServiceUnavailable):
        return Finding(FAILED, "So the API does not accept this token.")
    return Finding(
        OK, f"So the API accepts this token for /api/{percent_encode(user)}/tasks."
    )


def sentence(failure: object) -> str:
    """Return the reason as a sentence of its own."""
    text = re.sub(r"^it\b", "the token", str(failure))
    text = re.sub(r"\bits\b", "the token's", text, count=1)
    return f"{text[0].upper()}{text[1:]}."


def hint_about_form(token: str) -> str:
    """Return what the text probably is instead."""
    if token.count(".") == 4:
        return "Five parts are an encrypted one, such as Better Auth's session cookie."
    if token.startswith("eyJ") and token.count(".") < 2:
        return CUT_OFF
    if token.count(".") != 2 or not token.startswith("eyJ"):
        return "Ask Better Auth for one: GET /api/auth/token, with its session cookie."
    return ""


def hint_about_size(token: str) -> str:
    """Return what makes a token too long: Better Auth puts the whole user into it."""
    if len(token) <= tokens.MAX_BYTES:
        return ""
    remedy = (
        "Have Better Auth put less into it: jwt({ jwt: { definePayload: ({ user }) => "
        "({ id: user.id, email: user.email }) } }), see docs/tokens.md."
    )
    try:
        claims = tokens.parsed(tokens.decoded(token.split(".")[1]), "payload")
    except (tokens.InvalidToken, IndexError):
        return remedy
    sizes = {name: len(json.dumps(value)) for name, value in claims.items()}
    name = max(sizes, key=lambda name: sizes[name], default="")
    return f"Most of it is {tokens.shown(name)}, {sizes.get(name, 0)} bytes. {remedy}"


def hint_about_end(token: str, header: Mapping[str, object]) -> str:
    """Return what to do about a signature that is too short to be one."""
    whole = SIGNATURE_CHARACTERS.get(str(header.get("alg")), 0)
    return CUT_OFF if len(token.rpartition(".")[2]) < whole else ""


def hint_about_key(header: Mapping[str, object], config: BetterAuth) -> str:
    if header.get("alg") == "HS256" and config.secret:
        return "Better Auth signs with another BETTER_AUTH_SECRET."
    if header.get("alg") in jwks.ALGORITHMS and config.jwks_url:
        return "The token is from before its key was removed, or from another issuer."
    return ""


if __name__ == "__main__":
    sys.exit(main())
