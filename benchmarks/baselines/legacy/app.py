"""The legacy app: FastAPI, SQLModel, asyncpg, python-jose and Mangum."""

import os
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import JWTError, jwt
from mangum import Mangum
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

# Turn a URL for libpq into one for asyncpg.
engine = create_async_engine(
    os.environ["DATABASE_URL"]
    .replace("postgresql://", "postgresql+asyncpg://")
    .replace("sslmode=", "ssl=")
)
app = FastAPI()


class Task(SQLModel, table=True):
    __tablename__ = "tasks"

    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(max_length=200)
    description: str | None = None
    completed: bool = False
    user_id: str = Field(index=True)
    created_at: datetime
    updated_at: datetime


async def get_session() -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine) as session:
        yield session


async def get_current_user(
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
    except JWTError as error:
        raise HTTPException(401, "Invalid or expired JWT token") from error
    if claims.get("sub") != user_id:
        raise HTTPException(401, "User ID mismatch")
    return user_id


@app.get("/api/{user_id}/tasks")
async def list_tasks(
    user: Annotated[str, Depends(get_current_user)],
    session: Annotated[AsyncSession, Depends(get_session)],
) -> Sequence[Task]:
    statement = (
        select(Task)
        .where(Task.user_id == user)
        .order_by(col(Task.created_at).desc(), col(Task.id).desc())
        .limit(200)
    )
    return (await session.exec(statement)).all()


handler = Mangum(app, lifespan="off")
