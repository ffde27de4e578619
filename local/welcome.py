"""What `make run` prints when it is ready: the addresses, a token and what to try."""

import os
import shlex

from local.tokens import development_token, settings_in_use

LAST_LINES = """\
Each request is a line below; LOG=json make run shows what functions log in Lambda.
Enter prints this again. Ctrl-C stops everything; the tasks stay.
"""


def welcome_text(
    url: str, docs: str | None, secret: str | None, page: str | None
) -> str:
    where = f"The API is at {url}\n" + (f"Its documentation: {docs}\n" if docs else "")
    if not secret:
        return f"\n{where}\n{origin_of_tokens()}\n\n{LAST_LINES}"
    look = f"A page to try it with: {page}\n" if page else ""
    token = development_token("demo", secret)
    authorization = f"-H {shlex.quote(f'Authorization: Bearer {token}')}"
    tasks = f"{url}/api/demo/tasks"
    body = shlex.quote('{"title": "Buy groceries"}')
    return f"""
{look}{where}
A token for user demo, valid for a day (for others: make token USER=alice):
{token}

Create a task:
curl {tasks} {authorization} -H 'Content-Type: application/json' -d {body} -w '\\n'

List the tasks:
curl {tasks} {authorization} -w '\\n'

{LAST_LINES}"""


def origin_of_tokens() -> str:
    """Return who issues the tokens, and how to get development tokens instead."""
    given = settings_in_use()
    url = os.environ.get("BETTER_AUTH_URL")
    issuer = f"Better Auth at {url}" if url else "Better Auth"
    unset = " ".join(f"{name}=" for name in given)
    return (
        f"Tokens come from {issuer} ({', '.join(given)}).\n"
        f"For development tokens and the to-do page: {unset} make run"
    )
