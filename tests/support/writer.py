"""Users who create and update: `python -m tests.support.writer 4 500 folder`.

Four processes, each one environment with one user who makes 500 writes. Each writes a
JSON file into the folder, which says which writes were acknowledged.
"""

import importlib
import json
import os
import random
import sys
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.support.api import Client


@dataclass
class Known:
    """A task, as the answers have shown it to its user."""

    title: str
    updates: int = 0
    doubtful: list[str] = field(default_factory=list)
    """The titles of updates that were answered with a 503."""


@dataclass
class User:
    """What one user has learned from the answers."""

    user_id: str
    tasks: dict[int, Known] = field(default_factory=dict)
    doubtful: list[str] = field(default_factory=list)
    """The titles of creates that were answered with a 503."""


def write(user_id: str, writes: int, seed: int) -> User:
    """Make the writes; raise if an answer is neither a success nor a 503."""
    client, user = Client(user_id), User(user_id)
    rng = random.Random(seed)
    for number in range(writes):
        title = f"{number}"
        if not user.tasks or rng.random() < 0.5:
            headers = {"idempotency-key": title} if rng.random() < 0.5 else {}
            answer = client.send(
                "create_task", json_body={"title": title}, headers=headers
            )
            while answer.status == 503 and headers:
                answer = client.send(
                    "create_task", json_body={"title": title}, headers=headers
                )
            if answer.status == 503:
                user.doubtful.append(title)
                continue
            assert answer.status == 201, answer.text
            assert answer.json["id"] not in user.tasks
            user.tasks[answer.json["id"]] = Known(title)
        else:
            id = rng.choice(list(user.tasks))
            answer = client.send("update_task", id, json_body={"title": title})
            if answer.status == 503:
                user.tasks[id].doubtful.append(title)
                continue
            assert answer.status == 200, answer.text
            user.tasks[id].title = title
            user.tasks[id].updates += 1
    return user


def main(processes: int, writes: int, folder: Path) -> None:
    for function in ("create_task", "update_task"):
        importlib.import_module(f"functions.{function}.app")
    children = []
    for seed in range(processes):
        child = os.fork()
        if child == 0:
            user = write(f"writer|{uuid.uuid4().hex}", writes, seed)
            (folder / f"{seed}.json").write_text(json.dumps(asdict(user)))
            os._exit(0)
        children.append(child)
    sys.exit(any(os.waitpid(child, 0)[1] for child in children))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
