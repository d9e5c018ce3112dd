"""The command `weir demo`: boot, tell the story, show the figures, judge them."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from weir.cli.demo import telling
from weir.cli.demo.booting import Boot, boot
from weir.cli.demo.figures import Figures
from weir.cli.demo.stage import Stage
from weir.cli.demo.story import CHAPTERS
from weir.client.asking import all_of
from weir.client.authorization import METADATA_PATH
from weir.client.platform import Platform

_TEND_S: Final = 1.0


def demo(
    calls: Annotated[int, typer.Option(min=100, max=1_000_000, help="How many calls.")] = 5_000,
    keep: Annotated[bool, typer.Option(help="Stay up afterwards, until Ctrl-C.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file.")
    ] = None,
    home: Annotated[
        Path | None, typer.Option(help="The demo's own home; default .weir-demo/.")
    ] = None,
) -> None:
    """Boot an alliance, run its story, and show that the figures agree."""
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, _interrupt)
    began_s = time.monotonic()
    console.print("[bold]weir demo[/bold]: a small alliance, from its founding to its statement\n")
    started = boot(home, lambda step: _told(console, began_s, step))
    try:
        figures, names = _run(console, started, calls, began_s)
        figures.duration_s = round(time.monotonic() - began_s, 1)
        if json_file is not None:
            document = json.dumps(figures.document(), indent=2, ensure_ascii=False)
            json_file.write_text(document + "\n", "utf-8")
        telling.show(console, figures, names)
        wrong = list(figures.wrong())
        _judge(console, wrong, figures.duration_s)
        if keep:
            _stay(console, started)
    finally:
        console.print("Stopping")
        started.stop()
    if wrong:
        raise typer.Exit(1)


def _run(
    console: Console, started: Boot, calls: int, began_s: float
) -> tuple[Figures, dict[str, str]]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_tell(console, started, calls, began_s))


async def _tell(
    console: Console, started: Boot, calls: int, began_s: float
) -> tuple[Figures, dict[str, str]]:
    """All chapters in order; the figures, and everybody's names for the table."""
    settings = started.installation.settings
    root = started.installation.tls.root
    async with AsyncExitStack() as resources:
        stage = Stage(
            installation=started.installation,
            platform=Platform.at(root, settings.domain, settings.public_port, settings.mtls_port),
            institutions=started.institutions,
            calls_wanted=calls,
            resources=resources,
            progress=partial(_bar, console),
        )
        for words, chapter in CHAPTERS:
            _told(console, began_s, words)
            await chapter(stage)
        _gather(stage, started)
        listed = await all_of(stage.operating.parties.organisations())
        return stage.figures, {each["id"]: each["name_en"] for each in listed}


def _gather(stage: Stage, started: Boot) -> None:
    """The caller's own count, the engines' own versions, and where to look."""
    figures, tally = stage.figures, stage.tally
    installation = started.installation
    figures.surprises = tally.surprises
    figures.calls = {
        "sent": tally.sent,
        "answered": tally.answered,
        "refused": dict(sorted(tally.refused.items())),
        "calls_per_s": stage.calls_per_s,
        "latency_ms": {
            "min": tally.percentile_ms(0),
            "p50": tally.percentile_ms(0.5),
            "p99": tally.percentile_ms(0.99),
        },
    }
    assert installation.postgres is not None
    assert installation.valkey is not None
    figures.engines = {
        "postgresql": installation.postgres.status().version or "does not answer",
        "valkey": installation.valkey.status().version or "does not answer",
    }
    platform = stage.platform
    figures.addresses |= {
        "portal": f"{platform.portal_origin}/",
        "shelf": f"{platform.portal_origin}/shelf",
        "members": f"{platform.portal_origin}/members",
        "my_consents": f"{platform.portal_origin}/my/consents",
        "statements": f"{platform.portal_origin}/statements",
        "authorization": platform.issuer + METADATA_PATH,
        "management_api": f"{platform.manage_origin}/v1/openapi.json",
        "api": f"{platform.api_origin}/",
        "root_certificate": str(platform.ca_file),
        "home": str(installation.home.path),
    }


def _told(console: Console, began_s: float, words: str) -> None:
    console.print(f"  [dim]{time.monotonic() - began_s:5.1f} s[/dim]  {words}")


@contextmanager
def _bar(console: Console, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; elsewhere nothing but the chapter's own line."""
    columns = (TextColumn("          "), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("calls", total=total)
        yield lambda done: bar.update(task, completed=min(done, total))


def _judge(console: Console, wrong: list[str], duration_s: float) -> None:
    console.print()
    if not wrong:
        console.print(f"Every figure is as it must be. It took {duration_s:.0f} seconds.")
    for sentence in wrong:
        console.print(f"[red]Wrong:[/red] {escape(sentence)}", soft_wrap=True)


def _stay(console: Console, started: Boot) -> None:
    """Keep everything running until Ctrl-C."""
    console.print("Everything stays up. Ctrl-C stops it.")
    try:
        while True:
            time.sleep(_TEND_S)
            for sentence in started.installation.tend():
                console.print(sentence)
    except KeyboardInterrupt:
        console.print()


def _interrupt(*_: object) -> None:
    """SIGTERM ends the demo as Ctrl-C does, so that nothing is left running."""
    raise KeyboardInterrupt
