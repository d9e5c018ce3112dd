"""Instruments of the model market: invented shares, funds and bonds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

InstrumentKind = Literal["share", "fund", "bond"]


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument; `start_minor` is its price at the walk's beginning, in fen."""

    instrument_id: str
    name: str
    kind: InstrumentKind
    lot: int
    start_minor: int
    daily_volatility: float


_SHARES: Final = (
    ("云川机电", 2_340), ("青岚医药", 4_815), ("南浦港务", 672), ("北渚能源", 1_126),
    ("澄湖酒业", 16_850), ("望潮电子", 3_972), ("石桥水泥", 845), ("江临银行", 558),
    ("白鹭软件", 6_230), ("柳渡食品", 2_788), ("云川航运", 1_467), ("青岚新材", 3_105),
    ("南浦光伏", 1_930), ("北渚钢铁", 436), ("澄湖生物", 7_740), ("望潮通信", 2_015),
    ("石桥家电", 5_160), ("江临地产", 389), ("白鹭传媒", 1_288), ("柳渡农业", 974),
)  # fmt: skip
_FUNDS: Final = (
    ("大河 300 ETF", 412), ("大河中小盘 ETF", 268), ("红利 ETF", 315),
    ("新能源 ETF", 187), ("医药 ETF", 143), ("黄金 ETF", 548),
)  # fmt: skip
_BONDS: Final = (
    ("云川城投债 01", 10_080), ("青岚专项债 03", 9_975), ("南浦转债", 11_640),
    ("北渚能源债 02", 10_130), ("澄湖国债 05", 10_210), ("望潮转债", 12_485),
)  # fmt: skip


def _listed() -> dict[str, Instrument]:
    made = [
        *(Instrument(f"6099{n:02d}", name, "share", 100, price, 0.019)
          for n, (name, price) in enumerate(_SHARES, 1)),
        *(Instrument(f"5199{n:02d}", name, "fund", 100, price, 0.011)
          for n, (name, price) in enumerate(_FUNDS, 1)),
        *(Instrument(f"1199{n:02d}", name, "bond", 10, price, 0.002)
          for n, (name, price) in enumerate(_BONDS, 1)),
    ]  # fmt: skip
    return {instrument.instrument_id: instrument for instrument in made}


INSTRUMENTS: Final = _listed()
