"""What `make run` prints when it is ready: the addresses, a token and what to try."""

import shlex

from local.tokens import development_token, why_no_token


def welcome_text(
    url: str, docs: str | None, secret: str | None, page: str | None
) -> str:
    where = f"The API is at {url}\n" + (f"Its documentation: {docs}\n" if docs else "")
    if not secret:
        return f"\n{where}\n{why_no_token()}\nThat is why there is no page either.\n"
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
curl {tasks} {authorization} -H 'Content-Type: application/json' -d {body}

List the tasks:
curl {tasks} {authorization}

Each request is a line below; LOG=json make run shows what functions log in Lambda.
Enter prints this again. Ctrl-C stops everything; the tasks stay.
"""
