"""Summit Securities 峰汇证券: instruments, quotes, holdings, orders."""

from typing import Final

from weir_sandbox.institution import Institution
from weir_sandbox.securities.history import fill
from weir_sandbox.securities.operations import OPERATIONS

SECURITIES: Final = Institution(
    name="securities",
    title="Summit Securities",
    title_zh="峰汇证券",
    schema="summit_securities",
    document="securities.yaml",
    fill=fill,
    operations=OPERATIONS,
)
