"""`make doctor TOKEN=...`: check a token as the API does, and say which checks fail.

The settings come from the environment and from `.env`, as for `make run`. The checks
are the API's own, but go on after the first failure, and explain more.
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
from taskapi.auth import jwks
from taskapi.auth.authenticate import bearer_token
from taskapi.auth.claims import abbreviate, claim_errors, humanize, is_time
from taskapi.auth.signatures import signatures_for
from taskapi.auth.tokens import (
    MAX_BYTES,
    InvalidToken,
    decode_segment,
    parse_object,
    read_header,
)
from taskapi.auth.verify import expected_claims, verify
from taskapi.deadline_connection import USER_AGENT
from taskapi.errors import ServiceUnavailable, SettingsError
from taskapi.log import logger
from taskapi.settings.better_auth import BetterAuth, Expected, better_auth
from taskapi.settings.hs256_secret import whitespace_warning
from taskapi.web.event import percent_encode

OK, FAILED, NOTE = "ok", "FAILED", "note"
CUT_OFF = "The token is cut off: copy all of it."
# The length of an RSA signature depends on the key.
SIGNATURE_CHARACTERS = {"HS256": 43, "EdDSA": 86, "ES256": 86, "ES512": 176}


TOKEN = re.compile(
    r"(?:(?<![\w.-])|(?<=%20))eyJ[\w-]*\.[\w-]+\.[\w-]+(?![\w=-]|\.[\w-])", re.ASCII
)
"""A JWT in a longer text: exactly three parts."""


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
    """Yield findings about the settings, then the keys, then the token."""
    yield from use_development_secret()
    try:
        config = better_auth()
    except SettingsError as error:
        yield Finding(FAILED, f"{error}.")
        return
    except ServiceUnavailable as error:
        # Only the log has the reason; it quotes no value.
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
                "The pasted text is more than the token. The API reads it only "
                "from this header: Authorization: Bearer eyJ...",
            )
        yield from token_findings(token, config)
        yield verdict(token)
    else:
        yield Finding(FAILED, "No token was given: make doctor TOKEN=eyJ...")


def pasted_token(given: str) -> str:
    """Return the token in a pasted header, curl command, JSON text or cookie.

    Line breaks inside a token come from a terminal that has wrapped the line.
    """
    text = given.strip()
    if text[:1] in ("{", "[", '"'):
        with suppress(ValueError):
            text = max(strings_in(json.loads(text)), key=looks_like_a_token, default="")
    if bearer := re.search(r"\bBearer(?::|\s)\s*([^'\"`\\]+)", text, re.IGNORECASE):
        text = bearer[1]
    elif pair := re.search(r"[\w.-][\"']?\s*[=:]\s*[\"'`]?(eyJ[^;,'\"`]+)", text):
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


def use_development_secret() -> Iterator[Finding]:
    """Use the secret that `make run` makes, if no setting says otherwise."""
    path = LOCAL / "secret"
    if not is_configured() and path.exists():
        os.environ["BETTER_AUTH_SECRET"] = path.read_text()
        yield Finding(
            NOTE,
            "Neither BETTER_AUTH_SECRET nor BETTER_AUTH_URL is set: as `make run` "
            "does, this uses the development secret of `make token`.",
        )


def settings_findings(config: BetterAuth) -> Iterator[Finding]:
    asymmetric = ", ".join(jwks.ALGORITHMS)
    if config.secret is None:
        yield Finding(NOTE, "HS256 is refused: BETTER_AUTH_SECRET isn't set.")
    else:
        yield Finding(OK, "HS256 is checked with BETTER_AUTH_SECRET.")
        if warning := whitespace_warning(config.secret.decode(errors="replace")):
            yield Finding(NOTE, f"{warning}.")
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
            yield Finding(
                NOTE, f"{algorithms}: any {claim} is accepted; {name} isn't set."
            )
        else:
            yield Finding(OK, f"{algorithms}: {claim} must be {abbreviate(value)}.")


def jwks_findings(url: str) -> Iterator[Finding]:
    try:
        keys = jwks.fetch_keys(url)
    except jwks.Unavailable as error:
        yield Finding(
            FAILED,
            f"The keys are not reachable: {error}. Until they have been, the API "
            "answers 503. Does Better Auth run there, with the jwt() plugin? See what "
            f"the API sees: curl -i -A '{USER_AGENT}' '{url}'. If Better "
            "Auth's baseURL has a path, the keys are at <baseURL>/jwks: set "
            "BETTER_AUTH_JWKS_URL to that.",
        )
        return
    listed = (f"{kid} ({', '.join(of_kid)})" for kid, of_kid in keys.items())
    yield Finding(OK, f"The JWKS holds: {'; '.join(listed)}.")


def token_findings(token: str, config: BetterAuth) -> Iterator[Finding]:
    """Yield findings about the header, then the signature, then the claims."""
    try:
        header = read_header(token)
    except InvalidToken as error:
        hint = hint_about_form(token) or hint_about_size(token)
        yield Finding(FAILED, f"{sentence(error)} {hint}".strip())
        return
    algorithm = abbreviate(header.get("alg"))
    yield Finding(OK, f"The token's alg is {algorithm}.")
    try:
        signatures_for(config).verified_payload(token, header)
        yield Finding(OK, "The signature is right.")
    except ServiceUnavailable:
        yield Finding(FAILED, "The signature can't be checked without the JWKS.")
    except InvalidToken as error:
        hint = hint_about_end(token, header) or hint_about_key(header, config)
        yield Finding(FAILED, f"{sentence(error)} {hint}".strip())
    yield from claim_findings(token, expected_claims(header, config))


def claim_findings(token: str, expected: Expected) -> Iterator[Finding]:
    """Yield findings about the claims, even if the signature is wrong."""
    try:
        payload = token.split(".")[1]
        claims = parse_object(decode_segment(payload), "payload")
    except InvalidToken as error:
        yield Finding(FAILED, sentence(error))
        return
    now = time.time()
    failures = list(claim_errors(claims, expected, now))
    for failure in failures:
        yield Finding(FAILED, sentence(failure))
    if not failures and is_time(exp := claims["exp"]):
        yield Finding(OK, f"The claims are right, for {humanize(exp - now)} more.")
    if any("wrong issuer" in failure for failure in failures):
        yield Finding(NOTE, "Set BETTER_AUTH_ISSUER, or Better Auth's baseURL.")
    if any("wrong audience" in failure for failure in failures):
        yield Finding(NOTE, "Set BETTER_AUTH_AUDIENCE, or Better Auth's baseURL.")


def verdict(token: str) -> Finding:
    """Return whether the API accepts the token."""
    try:
        user = verify(bearer_token(f"Bearer {token}"))
    except (InvalidToken, ServiceUnavailable):
        return Finding(FAILED, "So the API does not accept this token.")
    return Finding(
        OK, f"So the API accepts this token for /api/{percent_encode(user)}/tasks."
    )


def sentence(failure: object) -> str:
    """Return the reason as a whole sentence."""
    text = re.sub(r"^it\b", "the token", str(failure))
    text = re.sub(r"\bits\b", "the token's", text, count=1)
    return f"{text[0].upper()}{text[1:]}."


def hint_about_form(token: str) -> str:
    """Return what a text that isn't a JWT probably is."""
    if token.count(".") == 4:
        return "Five parts are an encrypted one, such as Better Auth's session cookie."
    if token.startswith("eyJ") and token.count(".") < 2:
        return CUT_OFF
    if token.count(".") != 2 or not token.startswith("eyJ"):
        return "Ask Better Auth for one: GET /api/auth/token, with its session cookie."
    return ""


def hint_about_size(token: str) -> str:
    """Return which claim makes a token too long, and how to leave it out."""
    if len(token) <= MAX_BYTES:
        return ""
    remedy = (
        "Have Better Auth put less into it: jwt({ jwt: { definePayload: ({ user }) => "
        "({ id: user.id, email: user.email }) } }), see docs/tokens.md."
    )
    try:
        claims = parse_object(decode_segment(token.split(".")[1]), "payload")
    except (InvalidToken, IndexError):
        return remedy
    sizes = {name: len(json.dumps(value)) for name, value in claims.items()}
    name = max(sizes, key=lambda name: sizes[name], default="")
    return f"Most of it is {abbreviate(name)}, {sizes.get(name, 0)} bytes. {remedy}"


def hint_about_end(token: str, header: Mapping[str, object]) -> str:
    """Return what to do if the signature is too short."""
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
