"""Powertools' HTTP resolver with validation, as its documentation shows it."""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jwt
import psycopg
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import UnauthorizedError
from aws_lambda_powertools.utilities.typing import LambdaContext
from psycopg.rows import dict_row
from pydantic import BaseModel

LIST = """
    SELECT id, title, description, completed, user_id, created_at, updated_at
      FROM tasks
     WHERE user_id = %s
  ORDER BY created_at DESC, id DESC
     LIMIT 200
"""

app = APIGatewayHttpResolver(enable_validation=True)
connection: psycopg.Connection[dict[str, Any]] | None = None


class Task(BaseModel):
    id: int
    title: str
    description: str | None
    completed: bool
    user_id: str
    created_at: datetime
    updated_at: datetime


def get_settings() -> Mapping[str, str]:
    if arn := os.environ.get("SECRET_ARN"):
        from aws_lambda_powertools.utilities import parameters

        settings: Mapping[str, str] = parameters.get_secret(
            arn, max_age=300, transform="json"
        )
        return settings
    return os.environ


def authenticate(user_id: str) -> None:
    header = app.current_event.headers.get("authorization") or ""
    scheme, _, token = header.partition(" ")
    try:
        claims = jwt.decode(
            token,
            get_settings()["BETTER_AUTH_SECRET"],
            algorithms=["HS256"],
            options={"verify_aud": False},
        )
    except jwt.InvalidTokenError as error:
        raise UnauthorizedError("Invalid or expired JWT token") from error
    if scheme.lower() != "bearer" or claims.get("sub") != user_id:
        raise UnauthorizedError("User ID mismatch")


@app.get("/api/<user_id>/tasks")
def list_tasks(user_id: str) -> list[Task]:
    global connection
    authenticate(user_id)
    if connection is None or connection.closed:
        connection = psycopg.connect(
            get_settings()["DATABASE_URL"],
            autocommit=True,
            prepare_threshold=None,
            row_factory=dict_row,
        )
    return [Task(**row) for row in connection.execute(LIST, [user_id])]


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
