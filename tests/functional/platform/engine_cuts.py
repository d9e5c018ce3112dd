"""PostgreSQL that says nothing, PostgreSQL that lets nobody in, a process that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from platform_world import World


@contextmanager
def paused_postgres(world: World) -> Iterator[None]:
    """Every process of the server stands still: connections stay open and nothing answers."""
    with paused(world.engine_pid("postgres")):
        yield


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """A process and its children stand still; the kernel goes on taking what is sent to them."""
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    try:
        for each in family:
            each.suspend()
        yield
    finally:
        for each in family:
            each.resume()


@contextmanager
def refused_by_postgres(world: World) -> Iterator[None]:
    """The platform's database ends every connection and takes no new one."""
    engine = world.installation.postgres
    assert engine is not None
    with engine._connect() as administrator:
        try:
            administrator.execute("ALTER DATABASE weir WITH ALLOW_CONNECTIONS false")
            administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'weir'"
            )
            yield
        finally:
            administrator.execute("ALTER DATABASE weir WITH ALLOW_CONNECTIONS true")
