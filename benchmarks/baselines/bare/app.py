"""The bare handler: psycopg, PyJWT and one function, no framework."""

import json
import os
from collections.abc import Mapping
from typing import Any

import jwt
import psycopg
from psycopg.rows import dict_row

LIST = """
    SELECT id, title, description, completed, user_id, created_at, updated_at
      FROM tasks
     WHERE user_id = %s
  ORDER BY created_at DESC, id DESC
     LIMIT 200
"""

settings: Mapping[str, str] = os.environ
if arn := os.environ.get("SECRET_ARN"):
    import boto3

    secret = boto3.client("secretsmanager").get_secret_value(SecretId=arn)
    settings = json.loads(secret["SecretString"])
connection: psycopg.Connection[dict[str, Any]] | None = None


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    global connection
    user_id = event["pathParameters"]["user_id"]
    scheme, _, token = event["headers"].get("authorization", "").partition(" ")
    try:
        claims = jwt.decode(
            token,
            settings["BETTER_AUTH_SECRET"],
            algorithms=["HS256"],
            options={"verify_aud": False},
        )
    except jwt.InvalidTokenError:
        return answer(401, {"message": "Invalid or expired JWT token"})
    if scheme.lower() != "bearer" or claims.get("sub") != user_id:
        return answer(401, {"message": "User ID mismatch"})
    if connection is None or connection.closed:
        connection = psycopg.connect(
            settings["DATABASE_URL"],
            autocommit=True,
            prepare_threshold=None,
            row_factory=dict_row,
        )
    return answer(200, connection.execute(LIST, [user_id]).fetchall())


def answer(status: int, body: object) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body, default=str),
    }
