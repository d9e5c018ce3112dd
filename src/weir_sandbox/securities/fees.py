"""Fees of a trade: commission, stamp duty, transfer fee; each rounded half up to the fen."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from weir_sandbox.securities.instruments import Instrument

_COMMISSION: Final = Decimal("0.00025")
_LEAST_COMMISSION_MINOR: Final = 500
_STAMP_DUTY: Final = Decimal("0.0005")
_TRANSFER: Final = Decimal("0.00001")


def fees_minor(instrument: Instrument, side: str, gross_minor: int) -> int:
    """Return fees in fen on a trade: stamp duty on sales of shares, transfer fee on shares."""
    fees = max(_LEAST_COMMISSION_MINOR, _share(gross_minor, _COMMISSION))
    if instrument.kind == "share":
        fees += _share(gross_minor, _TRANSFER)
        if side == "sell":
            fees += _share(gross_minor, _STAMP_DUTY)
    return fees


def _share(minor: int, rate: Decimal) -> int:
    return int((minor * rate).quantize(Decimal(1), ROUND_HALF_UP))
