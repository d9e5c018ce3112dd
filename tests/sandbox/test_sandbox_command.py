"""The command: one line when ready, an instant second start, a clean end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
from sandbox_world import Certificates, Client, NewDatabase, command, launch, ready
from typer.testing import CliRunner

from weir_sandbox.cli import app


def _counts(url: str) -> tuple[object, ...]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("SET search_path = river_bank")
        row = connection.execute(
            "SELECT count(*), max(id), md5(string_agg(balance_after_minor::text, ',' ORDER BY id)),"
            " (SELECT generated_at FROM generation) FROM transactions"
        ).fetchone()
    assert row is not None
    return row


async def test_a_second_start_finds_what_the_first_made_and_two_at_once_make_it_once(
    certificates: Certificates, new_database: NewDatabase, tmp_path: Path
) -> None:
    url = new_database()
    both = [launch(certificates, "bank", url, "--customers", "40") for _ in range(2)]
    running = [ready(process, url) for process in both]
    first = _counts(url)
    assert [r.stop() for r in running] == [0, 0]
    told = tmp_path / "told"
    with told.open("w") as stderr:
        process = launch(
            certificates, "bank", url, "--customers", "50", "--seed", "7", stderr=stderr
        )
    again = ready(process, url)
    assert _counts(url) == first
    assert again.stop() == 0
    assert "keeps seed 2026 and 40 customers" in told.read_text()


async def test_what_was_answered_just_before_the_end_is_logged(
    certificates: Certificates, new_database: NewDatabase, tmp_path: Path
) -> None:
    url = new_database()
    told = tmp_path / "told"
    with told.open("w") as stderr:
        started = launch(certificates, "securities", url, "--customers", "20", stderr=stderr)
    running = ready(started, url)
    client = Client("securities", running, certificates.client_tls("gateway"))
    for _ in range(30):
        assert (await client.get("/quotes/609901")).status_code == 200
    assert running.stop() == 0
    assert "graceful shutdown exceeded" not in told.read_text()  # nor is it held up by a connection
    await client.http.aclose()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT count(*) FROM summit_securities.answers").fetchone()
    assert row == (30,)


def test_a_wrong_option_is_explained(certificates: Certificates) -> None:
    right = command(certificates, "bank", "postgresql://nobody@127.0.0.1:1/none")[3:]
    wrong = CliRunner().invoke(app, [*right, "--staff", "/nowhere/staff.pem"])
    assert wrong.exit_code == 2
    assert "/nowhere/staff.pem" in wrong.output
    told = CliRunner().invoke(app, ["--help"]).output
    for name in ("bank", "insurer", "securities", "江河银行", "海港保险", "峰汇证券"):
        assert name in told


def test_the_institutions_import_nothing_of_the_platform() -> None:
    program = (
        "import sys, weir_sandbox.cli, weir_sandbox.server;"
        "print([m for m in sys.modules if m == 'weir' or m.startswith('weir.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
