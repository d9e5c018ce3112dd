"""Settings, read from an environment that `app/` passes in; each room declares its own.

A setting comes from the environment (`WEIR_` and its name in capitals) or from its default. An
unknown `WEIR_` name is refused, since a misspelt setting is a setting that silently does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from weir.kernel.declares import SETTING_INVALID
from weir.kernel.outcomes import Refusal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound="DataclassInstance")

PREFIX: Final = "WEIR_"


@dataclass(frozen=True, slots=True)
class Origin:
    """One setting as `weir config` prints it. `origin` is `environment` or `default`."""

    name: str
    variable: str
    value: str
    origin: str
    words: str


def read(kind: type[S], environment: Mapping[str, str]) -> S:
    """Read the settings of a dataclass `kind` from the environment.

    Refusal SETTING_INVALID, which names the variable but not its value, for an unknown `WEIR_`
    variable or a value outside the bounds of its setting.
    """
    known = {PREFIX + each.name.upper(): each for each in fields(kind)}
    for variable in environment:
        if variable.startswith(PREFIX) and variable not in known:
            raise Refusal(SETTING_INVALID, setting=variable, why="there is no such setting")
    given = {
        each.name: _parse(variable, each, environment[variable])
        for variable, each in known.items()
        if variable in environment
    }
    return kind(**given)


def environment(settings: DataclassInstance) -> dict[str, str]:
    """Return variables from which `read` makes the same settings again, run in any folder."""
    given = {each.name: getattr(settings, each.name) for each in fields(settings)}
    return {
        PREFIX + name.upper(): str(value.absolute() if isinstance(value, Path) else value)
        for name, value in given.items()
        if value is not None
    }


def explain(settings: DataclassInstance, environment: Mapping[str, str]) -> list[Origin]:
    """Return each setting with its value and the origin of the value; secrets are hidden."""
    rows = []
    for each in fields(settings):
        variable = PREFIX + each.name.upper()
        value = getattr(settings, each.name)
        shown = "" if value is None else "(hidden)" if each.metadata["secret"] else str(value)
        origin = "environment" if variable in environment else "default"
        rows.append(Origin(each.name, variable, shown, origin, each.metadata["words"]))
    return rows


def _parse(variable: str, setting: Field[Any], text: str) -> Any:
    if not text.strip():
        raise Refusal(SETTING_INVALID, setting=variable, why="it is empty")
    if isinstance(setting.default, int):
        return _whole(variable, setting.metadata, text)
    if setting.metadata["path"]:
        return Path(text).expanduser()
    if variable == "WEIR_LOG_LEVEL" and text not in ("debug", "info", "warning", "error"):
        raise Refusal(SETTING_INVALID, setting=variable, why="not one of the known levels")
    return text


def _whole(variable: str, bounds: Mapping[str, Any], text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Refusal(SETTING_INVALID, setting=variable, why="it must be a whole number")
    if not bounds["low"] <= int(text) <= bounds["high"]:
        why = f"it must lie between {bounds['low']} and {bounds['high']}, not {int(text)}"
        raise Refusal(SETTING_INVALID, setting=variable, why=why)
    return int(text)
