"""Money: whole fen inside, a decimal string with two digits and a currency on the wire."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

CURRENCY: Final = "CNY"

AmountText = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,12})\.[0-9]{2}\Z")]


class Amount(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An amount on the wire: `{"amount": "12.30", "currency": "CNY"}`."""

    amount: AmountText
    currency: Literal["CNY"]

    def minor(self) -> int:
        """Return the amount in fen."""
        whole, _, fraction = self.amount.partition(".")
        return int(whole) * 100 + int(fraction)


def amount(minor: int) -> dict[str, str]:
    """Return the wire form of an amount in fen; the sign is kept."""
    return {"amount": text(minor), "currency": CURRENCY}


def text(minor: int) -> str:
    """Format fen as a decimal string with two digits: 1230 gives `12.30`."""
    sign = "-" if minor < 0 else ""
    whole, fraction = divmod(abs(minor), 100)
    return f"{sign}{whole}.{fraction:02d}"
