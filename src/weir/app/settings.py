"""All settings of the platform: one class, composed of the rooms' declarations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from weir.app import declares as app
from weir.authorization import declares as authorization
from weir.gateway import declares as gateway
from weir.kernel import declares as kernel
from weir.kernel import settings as reading
from weir.kernel.declares import SETTING_INVALID
from weir.kernel.outcomes import Refusal
from weir.keys import declares as keys
from weir.metering import declares as metering
from weir.settlement import declares as settlement
from weir.store import declares as store
from weir.wire import declares as wire


@dataclass(frozen=True)
class Settings(
    settlement.Settings,
    authorization.Settings,
    metering.Settings,
    keys.Settings,
    store.Settings,
    app.Settings,
    wire.Settings,
    gateway.Settings,
    kernel.Settings,
):
    """Every setting of the platform, as `weir config` prints them."""


def read(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Refusal SETTING_INVALID names the variable, not its value."""
    settings = reading.read(Settings, environment)
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
