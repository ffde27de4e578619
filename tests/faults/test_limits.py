"""One user's writes leave the pooler's connections to others."""

from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice

import psycopg

from local.servers import POOL_SIZE, PgBouncer
from local.waiting import eventually
from taskapi.postgres.faults import NO_WRITE_TURN
from tests.support.faults import DATABASE, Api

WRITERS = POOL_SIZE + 10


def test_waiting_writes_of_one_user_do_not_stop_another(
    pooled: Api, pgbouncer: PgBouncer
) -> None:
    def write(_: int) -> str | None:
        """Write as one of the user's environments; return the SQLSTATE."""
        with psycopg.connect(pgbouncer.url(DATABASE), autocommit=True) as connection:
            try:
                connection.execute("SELECT count_write('busy')")
            except psycopg.Error as error:
                return error.sqlstate
        return None

    with (
        psycopg.connect(pooled.postgres.url(DATABASE)) as slow,
        ThreadPoolExecutor(WRITERS) as pool,
    ):
        slow.execute("SELECT next_change('busy')")
        [(at_once,)] = slow.execute("SELECT writes_at_once()").fetchall()
        writes = [pool.submit(write, number) for number in range(WRITERS)]
        refused = list(islice(as_completed(writes), WRITERS - at_once))
        eventually(lambda: len(pooled.postgres.waiting()) == at_once)

        answer = pooled.send("create_task", json_body={"title": "Buy milk"})

        still_waiting = sum(not each.done() for each in writes) == at_once
        slow.commit()

    assert answer.status == 201
    assert still_waiting
    assert {each.result() for each in refused} == {NO_WRITE_TURN}
    assert [each.result() for each in writes].count(None) == at_once
