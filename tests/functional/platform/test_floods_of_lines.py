"""Refusals in their thousands, asked for through a real gateway: few and short lines in the log of
control, the count of the others, and a log that is cut while it is written.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from waits import until
from weir.kernel.declares import LOG_LINES_A_SECOND
from weir.store.engines import logs
from weir_demo.boot import Boot

pytestmark = pytest.mark.xdist_group("platform")

FLOOD = 100 * LOG_LINES_A_SECOND
CONNECTIONS = 250
LONG = b"grant_type=" + b"a%00%E2%80%AE" * 4_000  # NUL, and a character that turns text around


async def test_a_log_is_cut_while_control_writes_it(
    running: Boot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "PROCESS_LOG_BYTES", 1_000)
    folder = running.installation.home.folder("log")
    for _ in range(2):
        while (folder / "control-1.log").stat().st_size <= 1_000:  # only so many lines a second
            await flood(running, 20)
            await asyncio.sleep(0.2)
        running.installation.restart_dead()
        # Control may have written again since; nothing was there for longer than that.
        assert (folder / "control-1.log.1").stat().st_size <= 1_000
    for path in folder.glob("*.log.1"):
        assert path.stat().st_size <= 1_000, path


async def test_a_flood_of_refusals_through_a_gateway_leaves_few_short_lines(running: Boot) -> None:
    log = running.installation.home.log_path("control-1")
    began = log.stat().st_size
    statuses: Counter[int] = Counter()
    for answered in await asyncio.gather(
        *[flood(running, FLOOD // CONNECTIONS) for _ in range(CONNECTIONS)]
    ):
        statuses.update(answered)
    assert set(statuses) <= {400, 429}
    assert statuses.total() == FLOOD
    await until(lambda: told(log, began) >= FLOOD)  # what was left out before is told of too
    lines = [line for line in read(log, began) if line["event"] == "oauth refused"]
    seconds = Counter(line["timestamp"][:19] for line in lines)
    assert max(seconds.values()) <= 2 * LOG_LINES_A_SECOND, "a second of the log turns once in it"
    raw = log.read_bytes()[began:]
    assert max(map(len, raw.splitlines())) < 2_000
    assert b"\0" not in raw
    assert "\u202e".encode() not in raw
    assert b"Traceback" not in raw


async def flood(running: Boot, times: int) -> Counter[int]:
    """The statuses of so many requests without a client, on one connection as far as it goes."""
    settings = running.installation.settings
    context = ssl.create_default_context(cafile=str(running.installation.tls.root))
    connect = partial(
        asyncio.open_connection,
        "127.0.0.1",
        settings.public_port,
        ssl=context,
        server_hostname="auth.localhost",
    )
    reader, writer = await connect()
    head = (
        f"POST /token HTTP/1.1\r\nHost: auth.localhost:{settings.public_port}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(LONG)}\r\n\r\n"
    ).encode()
    statuses: Counter[int] = Counter()
    for _ in range(times):
        writer.write(head + LONG)
        answer = await reader.readuntil(b"\r\n\r\n")
        statuses[int(answer.split(b" ", 2)[1])] += 1
        length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        if b"\r\nconnection: close" in answer.lower():  # refused before its body was read
            writer.close()
            reader, writer = await connect()
    writer.close()
    return statuses


def read(log: Path, began: int) -> list[dict[str, Any]]:
    whole = log.read_bytes()[began:].rpartition(b"\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]


def told(log: Path, began: int) -> int:
    """The refused requests of which the log tells: each by its line, or in a count."""
    lines = read(log, began)
    alone = sum(line["event"] == "oauth refused" for line in lines)
    counted = [line["kinds"] for line in lines if line["event"] == "lines_left_out"]
    return alone + sum(kinds.get("oauth refused", 0) for kinds in counted)
