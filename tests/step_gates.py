"""Gates at which each step of a job waits: done, but not committed, until a test opens its gate."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from sqlalchemy.engine import make_url

GATE: Final = 7_777  # the advisory locks a step waits for before it can say that it is done


@contextmanager
def gates(url: str, steps: Sequence[str]) -> Iterator[psycopg.Connection[Any]]:
    """Shut a gate for each step, numbered from 1 in this order."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    names = ", ".join(f"'{step}'" for step in steps)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"""
            CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM pg_advisory_xact_lock_shared(
                    {GATE}, array_position(ARRAY[{names}], NEW.step));
                RETURN NEW;
            END $$
        """)
        connection.execute("""
            CREATE TRIGGER gate BEFORE INSERT ON job_steps
            FOR EACH ROW EXECUTE FUNCTION wait_at_gate()
        """)
        for number in range(1, len(steps) + 1):
            connection.execute("SELECT pg_advisory_lock(%s, %s)", [GATE, number])
        yield connection


def open_gate(connection: psycopg.Connection[Any], gate: int) -> None:
    connection.execute("SELECT pg_advisory_unlock(%s, %s)", [GATE, gate])


async def waiting_at(connection: psycopg.Connection[Any], gate: int) -> str:
    """The worker that waits there, by name."""
    while True:
        row = connection.execute(
            """
            SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
             WHERE locktype = 'advisory' AND NOT granted AND classid = %s AND objid = %s
            """,
            [GATE, gate],
        ).fetchone()
        if row is not None:
            return str(row[0])
        await asyncio.sleep(0.02)
