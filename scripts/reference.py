"""Write docs/reference/ from the closed lists in the code: refusals, settings, events and so on.

`python scripts/reference.py` writes; `tests/unit/docs` fails when a page is not what this writes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import ModuleType

from weir.access.permissions import PERMISSIONS
from weir.access.roles import ROLES as PEOPLE_ROLES
from weir.access.roles import Rule
from weir.api.guard import GuardedRoute
from weir.api.management import ROUTERS
from weir.app.settings import Settings
from weir.gateway import pipeline
from weir.gateway.front import front, metrics
from weir.gateway.phases import recheck, record
from weir.kernel import identifiers, rooms
from weir.kernel.declarations import Bound, Periodic
from weir.kernel.declares import PLATFORM_ERROR
from weir.kernel.outcomes import Outcome
from weir.kernel.settings import PREFIX
from weir.openapi.standard import lint
from weir.openapi.standard.breaking_changes import CHANGES
from weir.partners import classes
from weir.wire import downstream, message

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
_ROLES_TEMPLATE = Path(__file__).parent / "roles.template.md"
_WRITTEN = "<!-- Written by scripts/reference.py from the code; edit the code, not this page. -->\n"


def pages() -> dict[str, str]:
    """Each page's file name and text."""
    return {name: _WRITTEN + make() for name, make in _PAGES.items()}


def refusals() -> str:
    lines = [
        "# Refusals",
        "",
        "Every refusal the platform can give. On the wire it is `application/problem+json`",
        "(RFC 9457) with the members `type`, `title`, `title_zh`, `status`, `code`, `fault`,",
        "`retry`, and where they help `interaction_id` and `parameters`. On OAuth endpoints it is",
        "the error object of RFC 6749 section 5.2 with the code in the last column; its",
        "`error_uri` leads to both sentences, and to the cause and its remedy.",
        "",
        "`fault` says whose doing it was; `retry` whether the same request may pass `later`, may",
        "pass once something is `changed` (a token, a consent, a key), or `never`.",
        "",
        "| code | status | sentence | fault | retry | OAuth error |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines.extend(
        f"| `{each.code}` | {each.status} | {each.en}<br>{each.zh} | {each.fault.value} "
        f"| {each.retry.value} | {f'`{each.oauth}`' if each.oauth else ''} |"
        for each in rooms.refusals().values()
    )
    return "\n".join(lines) + "\n"


def settings() -> str:
    lines = [
        "# Settings",
        "",
        "Settings come from the environment. An unknown `WEIR_` variable stops the start, since a",
        "misspelt setting would silently do nothing. `weir config` prints each with its origin;",
        "secrets are hidden.",
        "",
        "| variable | default | meaning |",
        "| --- | --- | --- |",
    ]
    for each in fields(Settings):
        default = "" if each.default is None else f"`{each.default}`"
        secret = " Secret." if each.metadata["secret"] else ""
        words = f"{each.metadata['words']}{secret}"
        lines.append(f"| `{PREFIX}{each.name.upper()}` | {default} | {words} |")
    return "\n".join(lines) + "\n"


def advisory_locks() -> str:
    lines = [
        "# Advisory locks",
        "",
        "Locks of PostgreSQL that the platform takes. Each is held until the transaction ends, but",
        "a worker's slot, which its connection holds. `pg_locks` shows them while they are held.",
        "",
        "| number | lock | held for; its names |",
        "| --- | --- | --- |",
    ]
    lines.extend(
        f"| {each.number} | `{name}` | {each.words} |"
        for name, each in sorted(rooms.locks().items(), key=lambda item: item[1].number)
    )
    return "\n".join(lines) + "\n"


def periodic_work() -> str:
    lines = [
        "# Periodic work",
        "",
        "What each worker does again and again. Any number of workers may run, and any may die at",
        "any point: what one began another goes on with.",
        "",
        "| work | pause | what it does |",
        "| --- | --- | --- |",
        *(f"| `{name}` | {each.pause_s:g} s | {each.words} |" for name, each in _by_name()),
    ]
    return "\n".join(lines) + "\n"


def _by_name() -> list[tuple[str, Periodic]]:
    return sorted(rooms.periodic().items())


def durable_jobs() -> str:
    lines = [
        "# Jobs",
        "",
        "Durable work in steps, which any worker does. A step commits together with the row that",
        "says it is done, so it is done once, and a worker that dies leaves the rest to another.",
        "",
        "| kind of job | what it does |",
        "| --- | --- |",
        *(f"| `{name}` | {words} |" for name, words in sorted(rooms.jobs().items())),
        "",
        "## Steps",
        "",
        "A job has some of these steps, in an order of its own.",
        "",
        "| step | what it does |",
        "| --- | --- |",
        *(f"| `{name}` | {words} |" for name, words in rooms.steps().items()),
    ]
    return "\n".join(lines) + "\n"


def order() -> str:
    lines = [
        "# The order of a call's refusals",
        "",
        "A call passes the phases in this order, and each phase tries its refusals in the order",
        "given: of all that is wrong with a call, the first is named.",
        "",
        *_in_order("phase", pipeline.REFUSALS),
        "",
        "## Before the first phase",
        "",
        "While a message is read, whichever comes about first is named. Its head and its host are",
        "checked in order, also of a request that is passed on to control.",
        "",
        *_in_order("part", _OF_MESSAGES),
        "",
        "## Later",
        "",
        "A call that had to wait is checked again before it goes on. A call whose record cannot be",
        "written is refused even when the member has answered it. A fault of the platform's own is",
        f"`{PLATFORM_ERROR.code}`, in whichever phase it comes about.",
        "",
        *_in_order("step", _LATER),
    ]
    return "\n".join(lines) + "\n"


_OF_MESSAGES: dict[str, tuple[Outcome, ...]] = {
    "message": downstream.REFUSALS,
    "head": message.REFUSALS,
    "host": front.REFUSALS,
}
_LATER: dict[str, tuple[Outcome, ...]] = {
    "recheck": recheck.REFUSALS,
    "record": record.REFUSALS,
}


def _in_order(what: str, rows: dict[str, tuple[Outcome, ...]]) -> Iterator[str]:
    yield f"| {what} | refusals, in this order |"
    yield "| --- | --- |"
    for name, refused in rows.items():
        yield f"| {name} | {', '.join(f'`{each.code}`' for each in refused)} |"


def events() -> str:
    lines = [
        "# Audit events",
        "",
        "Every event an audit chain can hold. Each is written in the transaction of the change it",
        "tells of, and chained for the organisation it concerns.",
        "",
        "| event | words |",
        "| --- | --- |",
        *(f"| `{name}` | {en}<br>{zh} |" for name, (en, zh) in sorted(rooms.events().items())),
    ]
    return "\n".join(lines) + "\n"


def gateway_metrics() -> str:
    lines = [
        "# Metrics",
        "",
        "Each gateway process serves these in the Prometheus text format as `/metrics` on its",
        "private socket in the home.",
        "",
        "| metric | meaning |",
        "| --- | --- |",
        *(f"| `{name}` | {words} |" for name, words in metrics.METRICS.items()),
    ]
    return "\n".join(lines) + "\n"


def limits() -> str:
    lines = [
        "# Limits",
        "",
        "Every bound of the platform, by the room that declares it. The unit is the",
        "last word of its name.",
    ]
    for module in rooms.declarations():
        declared = list(_constants(module))
        if declared:
            lines += ["", f"## {module.__name__.split('.')[1]}", ""]
            lines += ["| limit | value | note |", "| --- | --- | --- |"]
            lines.extend(f"| `{name}` | {value:,} | {note} |" for name, value, note in declared)
    return "\n".join(lines) + "\n"


def bounds() -> str:
    lines = [
        "# Bounds of inputs",
        "",
        "Every input from outside: the limits and settings that bound it, what one at its bound",
        "costs at most, what happens beyond, and the test that goes there. All limits:",
        "[limits](limits.md); all settings: [settings](settings.md).",
    ]
    for module in rooms.declarations():
        declared: dict[str, Bound] = getattr(module, "BOUNDS", {})
        if declared:
            lines += ["", f"## {module.__name__.split('.')[1]}", ""]
            lines += ["| input | bound | costs at most | beyond | test |"]
            lines += ["| --- | --- | --- | --- | --- |"]
            lines.extend(_bound(name, each) for name, each in declared.items())
    return "\n".join(lines) + "\n"


def _bound(name: str, each: Bound) -> str:
    """The row of one input."""
    held = ", ".join(_quantity(limit) for limit in each.limits)
    beyond = each.beyond if isinstance(each.beyond, str) else each.beyond.code
    beyond = f"`{beyond}`" if beyond in rooms.refusals() else beyond
    return f"| {name} | {held} | {each.cost} | {beyond} | `{test_file(each.test)}` `{each.test}` |"


def _quantity(limit: str) -> str:
    """A limit or a setting by its name, with its value."""
    if limit.islower():
        default = next(each.default for each in fields(Settings) if each.name == limit)
        return f"`{PREFIX}{limit.upper()}` {default:,}"
    return f"`{limit}` {rooms.limits()[limit]:,}"


@cache
def _tests() -> dict[str, list[str]]:
    """The files of the tests of each name."""
    found: dict[str, list[str]] = {}
    root = FOLDER.parents[1]
    for path in sorted((root / "tests").rglob("test_*.py")):
        for name in re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(), re.MULTILINE):
            found.setdefault(name, []).append(str(path.relative_to(root)))
    return found


def test_file(name: str) -> str:
    """The file of the only test of a name. ValueError when there is none, or more than one."""
    files = _tests().get(name, [])
    if len(files) != 1:
        raise ValueError(f"{len(files)} tests are called {name}")
    return files[0]


def names() -> str:
    lines = [
        "# Identifiers",
        "",
        identifiers.__doc__.split("\n\n", 1)[1].strip() if identifiers.__doc__ else "",
        "",
        "| prefix | names |",
        "| --- | --- |",
        *(f"| `{prefix}_` | {words} |" for prefix, words in rooms.prefixes().items()),
    ]
    return "\n".join(lines) + "\n"


def _constants(module: ModuleType) -> Iterator[tuple[str, int | float, str]]:
    """Names, values and comments of the limits one room declares, in the order of the source."""
    source = Path(str(module.__file__)).with_name("declares.py").read_text()
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            value = getattr(module, node.target.id)
            if isinstance(value, int | float):
                line = source.splitlines()[(node.end_lineno or node.lineno) - 1]
                comment = re.search(r"#\s*(.+)$", line)
                yield node.target.id, value, comment[1] if comment else ""


def standard() -> str:
    lines = [
        "# Rules of the standard",
        "",
        "Every rule a capability's document is held to, and every change that breaks a caller.",
        "How they are used: [the standard](../standard.md).",
    ]
    groups = {name: [rule for rule, _ in checks] for name, checks in lint.GROUPS.items()}
    for name, rules in {**groups, "Breaking changes": list(CHANGES)}.items():
        lines += ["", f"## {name}", "", "| rule | severity | what, why, and how to mend it | by |"]
        lines.append("| --- | --- | --- | --- |")
        lines.extend(
            f"| `{each.id}` | {each.severity} | **{each.what}** {each.reason} {each.mend}<br>"
            f"**{each.what_zh}**{each.reason_zh}{each.mend_zh} | {each.source} |"
            for each in rules
        )
    return "\n".join(lines) + "\n"


def roles() -> str:
    summaries = {
        str(route.operation_id): str(route.summary)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, GuardedRoute)
    }
    table = [
        f"| `{name}` | {summaries[name]} | {_listed(rule.own)} | {_listed(rule.every)} "
        f"| {_people(rule)} | {_programs(rule)} |"
        for name, rule in PERMISSIONS.items()
    ]
    fresh = {
        far: ", ".join(
            f"`{name}`" for name, rule in PERMISSIONS.items() if rule.fresh and rule.programs == far
        )
        for far in ("yes", "itself", "no")
    }
    page = _ROLES_TEMPLATE.read_text()
    return page.format(table="\n".join(table), **_word_tables(), **fresh)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _people(rule: Rule) -> str:
    named = ", ".join(role for role in PEOPLE_ROLES if role in rule.people and not rule.signed)
    return named + "*" if rule.fresh else named


def _programs(rule: Rule) -> str:
    if not rule.needs_caller:
        return ""
    return rule.programs or "yes"


def _word_tables() -> dict[str, str]:
    """Rows of the closed lists of kinds and roles, in both languages."""
    lists = {
        "licences": classes.LICENCE_KINDS,
        "classes": classes.PARTNER_CLASSES,
        "people": PEOPLE_ROLES,
        "applications": classes.APPLICATION_ROLES,
    }
    return {
        name: "\n".join(f"| `{each}` | {en} | {zh} |" for each, (en, zh) in words.items())
        for name, words in lists.items()
    }


_PAGES: dict[str, Callable[[], str]] = {
    "roles.md": roles,
    "refusals.md": refusals,
    "settings.md": settings,
    "events.md": events,
    "metrics.md": gateway_metrics,
    "limits.md": limits,
    "bounds.md": bounds,
    "order.md": order,
    "locks.md": advisory_locks,
    "work.md": periodic_work,
    "jobs.md": durable_jobs,
    "identifiers.md": names,
    "standard.md": standard,
}

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
