"""FastAPI and Mangum, as their documentation shows them."""

import os
from datetime import datetime
from typing import Annotated, Any

import jwt
import psycopg
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from mangum import Mangum
from psycopg.rows import dict_row
from pydantic import BaseModel

LIST = """
    SELECT id, title, description, completed, user_id, created_at, updated_at
      FROM tasks
     WHERE user_id = %s
  ORDER BY created_at DESC, id DESC
     LIMIT 200
"""

app = FastAPI()
connection: psycopg.Connection[dict[str, Any]] | None = None


class Task(BaseModel):
    id: int
    title: str
    description: str | None
    completed: bool
    user_id: str
    created_at: datetime
    updated_at: datetime


def get_connection() -> psycopg.Connection[dict[str, Any]]:
    global connection
    if connection is None or connection.closed:
        connection = psycopg.connect(
            os.environ["DATABASE_URL"],
            autocommit=True,
            prepare_threshold=None,
            row_factory=dict_row,
        )
    return connection


def get_current_user(
    user_id: str,
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> str:
    try:
        claims = jwt.decode(
            credentials.credentials,
            os.environ["BETTER_AUTH_SECRET"],
            algorithms=["HS256"],
            options={"verify_aud": False},
        )
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, "Invalid or expired JWT token") from error
    if claims.get("sub") != user_id:
        raise HTTPException(401, "User ID mismatch")
    return user_id


@app.get("/api/{user_id}/tasks", response_model=list[Task])
def list_tasks(
    user: Annotated[str, Depends(get_current_user)],
    connection: Annotated[psycopg.Connection[dict[str, Any]], Depends(get_connection)],
) -> list[dict[str, Any]]:
    return connection.execute(LIST, [user]).fetchall()


handler = Mangum(app, lifespan="off")
