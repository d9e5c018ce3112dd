"""River Bank 江河银行: accounts, balances, transactions, payments."""

from typing import Final

from weir_sandbox.bank.history import fill
from weir_sandbox.bank.operations import OPERATIONS
from weir_sandbox.institution import Institution

BANK: Final = Institution(
    name="bank",
    title="River Bank",
    title_zh="江河银行",
    schema="river_bank",
    document="bank.yaml",
    fill=fill,
    operations=OPERATIONS,
)
