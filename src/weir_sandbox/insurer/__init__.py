"""Harbour Insurance 海港保险: quotations, policies, claims."""

from typing import Final

from weir_sandbox.institution import Institution
from weir_sandbox.insurer.history import fill
from weir_sandbox.insurer.operations import OPERATIONS

INSURER: Final = Institution(
    name="insurer",
    title="Harbour Insurance",
    title_zh="海港保险",
    schema="harbour_insurance",
    document="insurer.json",
    fill=fill,
    operations=OPERATIONS,
)
