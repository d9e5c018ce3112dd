"""Scenes that a product may say it suits, in both languages: where products are embedded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from weir.kernel import inputs
from weir.shelf.declares import PRODUCT_SCENES

SCENES: Final[dict[str, tuple[str, str]]] = {
    "household": ("Household finance", "家庭理财"),
    "shopping": ("Shopping and payment", "购物与支付"),
    "travel": ("Travel and transport", "出行与交通"),
    "health": ("Health and care", "医疗与健康"),
    "housing": ("Housing", "住房"),
    "education": ("Education", "教育"),
    "shopkeeping": ("Shops and book-keeping", "商户经营与记账"),
    "payroll": ("Payroll and staff", "薪酬与人事"),
    "supply-chain": ("Supply chain", "供应链"),
    "cross-border": ("Cross-border trade", "跨境贸易"),
    "agriculture": ("Farming", "三农"),
    "public-services": ("Public services", "政务服务"),
    "investing": ("Investing", "投资"),
    "risk": ("Risk and compliance", "风控与合规"),
}


def read_scenes(given: Sequence[str], pointer: str) -> list[str]:
    """Return the given scenes, each once, in the list's order. INVALID_INPUT for an unknown one."""
    if len(given) > PRODUCT_SCENES:
        most = PRODUCT_SCENES
        raise inputs.wrong(pointer, f"must be at most {most}", f"不得超过 {most} 个")
    chosen = {inputs.choice(each, SCENES, f"{pointer}/{place}") for place, each in enumerate(given)}
    return [each for each in SCENES if each in chosen]
