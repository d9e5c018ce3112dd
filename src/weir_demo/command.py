"""The command `weir demo`: boot, tell the story, show the figures, check them."""

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

from weir.cli.up import origin_of
from weir.client.management.requests import collect
from weir.client.platform import Platform
from weir_demo import report
from weir_demo.boot import Boot, boot
from weir_demo.epilogue import gather, sign_ins
from weir_demo.stage import Stage
from weir_demo.story import CHAPTERS

_TEND_S: Final = 1.0
_PLAIN_WIDTH: Final = 110  # columns when the width of the output is unknown


def demo(
    calls: Annotated[int, typer.Option(min=500, max=1_000_000, help="How many calls.")] = 5_000,
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
    if not console.is_terminal:
        console = Console(highlight=False, width=_PLAIN_WIDTH)
    # SIGTERM ends the demo as Ctrl-C does, so that no process is left running. A shell that starts
    # the demo in the background makes it ignore both signals by default.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    began_s = time.monotonic()
    console.print("[bold]weir demo[/bold]: a small alliance, from its founding to its statement\n")
    started = boot(home, lambda step: _told(console, began_s, step))
    try:
        stage, names = _run(console, started, calls, began_s)
        figures = stage.figures
        figures.duration_s = round(time.monotonic() - began_s, 1)
        if json_file is not None:
            document = json.dumps(figures.document(), indent=2, ensure_ascii=False)
            json_file.write_text(document + "\n", "utf-8")
        report.show(console, figures, names)
        wrong = list(figures.wrong())
        _judge(console, wrong, figures.duration_s)
        if keep:
            _stay(console, started, sign_ins(stage))
        else:
            console.print("With --keep everything stays up and these addresses can be opened.")
    finally:
        console.print("Stopping")
        started.stop()
    if wrong:
        raise typer.Exit(1)


def _run(
    console: Console, started: Boot, calls: int, began_s: float
) -> tuple[Stage, dict[str, str]]:
    """Tell the story on an event loop of its own; returns as `_tell`."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_tell(console, started, calls, began_s))


async def _tell(
    console: Console, started: Boot, calls: int, began_s: float
) -> tuple[Stage, dict[str, str]]:
    """Run all chapters; return the stage and organisations' English names by identifier."""
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
        gather(stage)
        listed = await collect(stage.operating.organisations.list())
        return stage, {each["id"]: each["name_en"] for each in listed}


def _told(console: Console, began_s: float, words: str) -> None:
    console.print(f"  [dim]{time.monotonic() - began_s:5.1f} s[/dim]  {words}")


@contextmanager
def _bar(console: Console, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal; elsewhere the chapter's own line is enough."""
    if not console.is_terminal:
        yield lambda _: None
        return
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


def _stay(console: Console, started: Boot, known: list[tuple[str, str, str]]) -> None:
    """Keep everything running until Ctrl-C. The shown sign-ins are of this run only."""
    portal = origin_of(started.installation.settings, "portal")
    console.print(f"\nBegin here: {portal}/tour", soft_wrap=True)
    console.print("To sign in:")
    for who, name, secret in known:
        console.print(f"  {who:34} {name:12} {escape(secret)}", soft_wrap=True)
    home = started.installation.home
    console.print(
        f"\nFor your browser to trust: {home.folder('tls') / 'authority.pem'}", soft_wrap=True
    )
    console.print(f"For commands beside it:    export WEIR_HOME={home.path}", soft_wrap=True)
    console.print("\nEverything stays up. Ctrl-C stops it.")
    try:
        while True:
            time.sleep(_TEND_S)
            for sentence in started.installation.restart_dead():
                console.print(sentence)
    except KeyboardInterrupt:
        console.print()
