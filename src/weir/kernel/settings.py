"""Every setting, typed, with its words. Nothing is read here: `app.py` passes the environment in.

A setting comes from the environment (`WEIR_` and its name in capitals) or from its default. An
unknown `WEIR_` name is refused, since a misspelt setting is a setting that silently does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from weir.kernel.declares import RECORDS_KEPT_DAYS_MIN, SETTING_INVALID, TRANSACTIONS_KEPT_DAYS_MIN
from weir.kernel.outcomes import Refusal

PREFIX: Final = "WEIR_"


def _setting(default: Any, words: str, *, secret: bool = False, low: int = 0, high: int = 0) -> Any:
    return field(
        default=default, metadata={"words": words, "secret": secret, "low": low, "high": high}
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """The platform's settings. `None` means: the embedded engine, or what the platform makes."""

    home: Path | None = _setting(
        None, "Folder of keys, sockets, records and embedded engines. Default: .weir/ here."
    )
    database_url: str | None = _setting(
        None, "PostgreSQL 15 or newer by URL; unset starts the embedded one.", secret=True
    )
    valkey_url: str | None = _setting(
        None, "Valkey or Redis by URL; unset starts the embedded one.", secret=True
    )
    lake_url: str | None = _setting(
        None,
        "Folder or object store of the call records as Parquet: file:// or s3:// with the"
        " options of docs/records.md. Default: HOME/lake.",
    )
    domain: str = _setting(
        "localhost", "Base domain of the four hosts: portal., auth., api. and manage."
    )
    bind_address: str = _setting("127.0.0.1", "IP address the gateway listens on.")
    public_port: int = _setting(
        8443, "Port for browsers; asks for no client certificate.", low=1, high=65_535
    )
    mtls_port: int = _setting(
        8444, "Port that requires a client certificate (RFC 8705).", low=1, high=65_535
    )
    server_certificate: Path | None = _setting(
        None, "PEM chain of the gateway's server certificate. Default: issued by the alliance."
    )
    server_key: Path | None = _setting(None, "PEM key of server_certificate.")
    gateway_processes: int = _setting(
        2, "Gateway processes that weir up starts; one a core is usual.", low=1, high=128
    )
    control_processes: int = _setting(1, "Control processes weir up starts.", low=1, high=64)
    member_networks: str | None = _setting(
        None,
        "Networks members' endpoints may lie in (10.2.0.0/16,192.0.2.0/24). Default: any but"
        " link-local and multicast ones.",
    )
    proxy_networks: str | None = _setting(
        None,
        "Networks of balancers whose connections begin with a PROXY protocol header of version 2"
        " (10.2.0.0/16); one from there without it is closed.",
    )
    client_cert_networks: str | None = _setting(
        None,
        "Networks of balancers that end TLS and say whom they have verified in Client-Cert (RFC"
        " 9440); from anywhere else the field is dropped.",
    )
    otlp_endpoint: str | None = _setting(
        None, "OTLP/HTTP receiver for spans of calls, http://collector:4318; unset sends none."
    )
    trace_percent: int = _setting(
        1, "Share of calls without a traceparent of their own that are traced.", low=0, high=100
    )
    partner_networks: str | None = _setting(
        None,
        "Networks that addresses applications register (jwks_uri, notifications) may lie in"
        " besides public ones: 10.2.0.0/16,10.3.0.0/16.",
    )
    unconfirmed_calls_s: int = _setting(
        60,
        "Seconds a gateway that cannot reach PostgreSQL still serves calls that need no consent.",
        low=0,
        high=3_600,
    )
    master_key: str | None = _setting(
        None,
        "32 bytes in base64url that encrypt keys at rest. Default: HOME/secrets/master.key.",
        secret=True,
    )
    signing_key_days: int = _setting(
        90, "Days a signing key signs before the next takes over; 0 leaves it to you.", high=3_650
    )
    records_sync_ms: int = _setting(
        200,
        "Milliseconds after which an answered call's record is on the disk: what a power cut can"
        " take. A killed process loses nothing.",
        low=10,
        high=10_000,
    )
    records_kept_days: int = _setting(
        400,
        "Whole days that records of calls are kept, six months at least.",
        low=RECORDS_KEPT_DAYS_MIN,
        high=36_500,
    )
    transactions_kept_days: int = _setting(
        1_830,
        "Whole days that records of calls that asked for a payment are kept, a year at least and"
        " no shorter than records_kept_days.",
        low=TRANSACTIONS_KEPT_DAYS_MIN,
        high=36_500,
    )
    close_months: str | None = _setting(
        None,
        "Currencies (CNY,USD) whose month is closed by itself a day after its end; unset leaves"
        " it to you.",
    )
    log_level: str = _setting("info", "debug, info, warning or error.")


@dataclass(frozen=True, slots=True)
class Origin:
    """One setting as `weir config` prints it."""

    name: str
    variable: str
    value: str
    origin: str
    words: str


def read(environment: Mapping[str, str]) -> Settings:
    """Settings from an environment. Refusal SETTING_INVALID names the variable, not its value."""
    known = {PREFIX + each.name.upper(): each for each in fields(Settings)}
    for variable in environment:
        if variable.startswith(PREFIX) and variable not in known:
            raise Refusal(SETTING_INVALID, setting=variable, why="there is no such setting")
    given = {
        each.name: _parse(variable, str(each.type), each.metadata, environment[variable])
        for variable, each in known.items()
        if variable in environment
    }
    settings = Settings(**given)
    if (settings.server_certificate is None) != (settings.server_key is None):
        raise Refusal(
            SETTING_INVALID, setting="WEIR_SERVER_KEY", why="certificate and key go together"
        )
    if settings.public_port == settings.mtls_port:
        why = "the ports with and without client certificates are two"
        raise Refusal(SETTING_INVALID, setting="WEIR_MTLS_PORT", why=why)
    if settings.transactions_kept_days < settings.records_kept_days:
        why = "records of payments are kept no shorter than those of other calls"
        raise Refusal(SETTING_INVALID, setting="WEIR_TRANSACTIONS_KEPT_DAYS", why=why)
    return settings


def environment(settings: Settings) -> dict[str, str]:
    """The variables from which `read` makes these settings again, in whatever folder it runs."""
    given = {each.name: getattr(settings, each.name) for each in fields(Settings)}
    return {
        PREFIX + name.upper(): str(value.absolute() if isinstance(value, Path) else value)
        for name, value in given.items()
        if value is not None
    }


def explain(settings: Settings, environment: Mapping[str, str]) -> list[Origin]:
    """Each setting with its value and where it came from; secrets are hidden."""
    rows = []
    for each in fields(Settings):
        variable = PREFIX + each.name.upper()
        value = getattr(settings, each.name)
        shown = "" if value is None else "(hidden)" if each.metadata["secret"] else str(value)
        origin = "environment" if variable in environment else "default"
        rows.append(Origin(each.name, variable, shown, origin, each.metadata["words"]))
    return rows


def _parse(variable: str, kind: str, bounds: Mapping[str, Any], text: str) -> Any:
    if not text.strip():
        raise Refusal(SETTING_INVALID, setting=variable, why="it is empty")
    if kind == "int":
        return _whole(variable, bounds, text)
    if kind.startswith("Path"):
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
