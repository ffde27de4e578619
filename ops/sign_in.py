"""Get a token as a frontend does: sign in to Better Auth, ask for a JWT, sign out."""

from contextlib import closing

from ops.web import Answer, Server
from taskapi.errors import SettingsError
from taskapi.settings.environment import read_settings
from taskapi.settings.urls import origin, parse_web_url


class SignInFailed(Exception):
    """Better Auth gave no token; the message says why, and shows no password."""


def token(email: str, password: str) -> str:
    """Return a token of Better Auth at BETTER_AUTH_URL.

    Raises SignInFailed, SettingsError and Unreachable.
    """
    [url] = read_settings("BETTER_AUTH_URL")
    base = parse_web_url("BETTER_AUTH_URL", url)
    if base is None:
        raise SettingsError("BETTER_AUTH_URL is not set, so there is no way to sign in")
    root = base.path.rstrip("/").removesuffix("/api/auth") + "/api/auth"
    # Better Auth refuses changes for pages of other origins.
    headers = {"origin": origin(base)}
    with closing(Server(base)) as server:
        account = {"email": email, "password": password}
        signed_in = server.send("POST", f"{root}/sign-in/email", headers, account)
        if signed_in.status != 200:
            raise SignInFailed(f"Better Auth refuses {email}: {reason(signed_in)}")
        cookies = signed_in.headers.get_all("set-cookie", [])
        headers["cookie"] = "; ".join(cookie.partition(";")[0] for cookie in cookies)
        answer = server.send("GET", f"{root}/token", headers)
        server.send("POST", f"{root}/sign-out", headers, {})
    issued = answer.json
    if answer.status != 200 or not isinstance(issued, dict) or "token" not in issued:
        raise SignInFailed(f"Better Auth issues no token: {reason(answer)}")
    return str(issued["token"])


def reason(answer: Answer) -> str:
    """Return an answer's status and message."""
    said = answer.json
    message = said.get("message") if isinstance(said, dict) else None
    return f"{answer.status} {message or ''}".strip()
