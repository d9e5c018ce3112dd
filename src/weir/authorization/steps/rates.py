"""Rates of a client's requests, counted only once the client has proven itself.

Counted sooner, one client could use up another's rate by naming it.
"""

from __future__ import annotations

import time

from weir.authorization.declares import OAUTH_RATE_EXCEEDED
from weir.authorization.exchange import Exchange
from weir.kernel.outcomes import Refusal
from weir.kernel.rates import Rates


def client_keeps_its_rate(exchange: Exchange) -> None:
    """Count a request of a client that has proven itself. OAUTH_RATE_EXCEEDED."""
    exchange.proven = True
    _count(exchange.services.rates.of_client, exchange.client.id)


def client_asks_in_measure(exchange: Exchange) -> None:
    """Count a request by which a client will ask a customer. OAUTH_RATE_EXCEEDED."""
    _count(exchange.services.rates.asking, exchange.client.id)


def token_keeps_its_rate(exchange: Exchange) -> None:
    """Count a request by the client that its token was issued to. OAUTH_RATE_EXCEEDED."""
    exchange.proven = True
    _count(exchange.services.rates.of_client, str(exchange.claims.get("client_id")))


def _count(rates: Rates, client: str) -> None:
    wait_s = rates.take_s(client, time.monotonic())
    if wait_s:
        raise Refusal(OAUTH_RATE_EXCEEDED, client, retry_after_s=wait_s)
