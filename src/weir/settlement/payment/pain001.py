"""A round's payments as ISO 20022 pain.001.001.09, one message for each party that pays.

A message is written once and kept, so that its bytes and identifiers never change and a bank that
receives it twice can tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from xml.etree import ElementTree as Xml

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from weir.kernel import inputs
from weir.kernel.declares import CONFLICT, NOT_FOUND
from weir.kernel.money import MINOR_DIGITS, Money
from weir.kernel.outcomes import Refusal
from weir.settlement.payment.rounds import PaymentRow, Round
from weir.settlement.payment_tables import netting_rounds, payment_messages, settlement_accounts
from weir.store.unit import UnitOfWork

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_HOLDER_CHARACTERS: Final = 140  # Max140Text
_BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_CNAPS_BANK: Final = re.compile(r"[0-9]{12}")
_MESSAGE_ID: Final = re.compile(rb"<MsgId>(pay_[0-9a-z]{26})</MsgId>")
_CNAPS_ACCOUNT: Final = re.compile(r"[0-9]{8,34}")

Scheme = Literal["iban", "cnaps"]
SCHEMES: Final[tuple[Scheme, ...]] = ("iban", "cnaps")


@dataclass(frozen=True, slots=True)
class SettlementAccount:
    """A party's account for payments: an IBAN at a BIC, or an account at a CNAPS code."""

    scheme: Scheme
    holder: str
    account: str
    bank: str


def read_account(scheme: str, holder: str, account: str, bank: str) -> SettlementAccount:
    """Check an account's fields. INVALID_INPUT says what is wrong with it."""
    inputs.choice(scheme, SCHEMES, "/scheme")
    name = inputs.text(holder, "/holder", _HOLDER_CHARACTERS)
    if scheme == "iban":
        if _IBAN.fullmatch(account) is None or not _iban_checks(account):
            raise inputs.wrong("/account", "must be an IBAN without spaces", "须为不含空格的 IBAN")
        if _BIC.fullmatch(bank) is None:
            raise inputs.wrong(
                "/bank", "must be a BIC of 8 or 11 characters", "须为 8 或 11 位 BIC"
            )
        return SettlementAccount("iban", name, account, bank)
    if _CNAPS_ACCOUNT.fullmatch(account) is None:
        raise inputs.wrong("/account", "must be 8 to 34 digits", "须为 8 至 34 位数字")
    if _CNAPS_BANK.fullmatch(bank) is None:
        raise inputs.wrong("/bank", "must be a CNAPS code of 12 digits", "须为 12 位大额支付行号")
    return SettlementAccount("cnaps", name, account, bank)


async def set_account(unit: UnitOfWork, organisation: str, account: SettlementAccount) -> None:
    """Set the account a party is paid on from now on; issued messages stay as they were."""
    row = {
        "organisation": organisation,
        "scheme": account.scheme,
        "holder": account.holder,
        "account": account.account,
        "bank": account.bank,
        "changed_at": unit.now,
    }
    await unit.connection.execute(
        insert(settlement_accounts)
        .values(row)
        .on_conflict_do_update(index_elements=["organisation"], set_=row)
    )
    # The account's number stays out of the chain, which is kept for ever and read by auditors.
    detail = {"scheme": account.scheme, "bank": account.bank}
    unit.audit("settlement_account.set", organisation, detail, organisation=organisation)


async def account_of(connection: AsyncConnection, organisation: str) -> SettlementAccount:
    """Return a party's account. NOT_FOUND when it has named none."""
    found = await accounts_of(connection, [organisation])
    if organisation not in found:
        raise Refusal(NOT_FOUND, f"{organisation} has named no account")
    return found[organisation]


async def accounts_of(
    connection: AsyncConnection, organisations: Sequence[str]
) -> dict[str, SettlementAccount]:
    """Return the accounts of organisations, leaving out organisations that have named none."""
    rows = await connection.execute(
        select(settlement_accounts).where(settlement_accounts.c.organisation.in_(organisations))
    )
    return {
        row.organisation: SettlementAccount(row.scheme, row.holder, row.account, row.bank)
        for row in rows
    }


async def issue(unit: UnitOfWork, settled: Round, debtor: str) -> bytes:
    """Issue the message that `debtor` hands to its bank; later calls return the same bytes.

    Payments already received are left out. NOT_FOUND when nothing is left to pay; CONFLICT says how
    many parties have not named an account.
    """
    await unit.connection.execute(
        select(netting_rounds.c.id).where(netting_rounds.c.id == settled.id).with_for_update()
    )
    issued = await unit.connection.scalar(
        select(payment_messages.c.message).where(
            payment_messages.c.round == settled.id, payment_messages.c.debtor == debtor
        )
    )
    if issued is not None:
        return str(issued).encode()
    written = await _message(unit.connection, settled, debtor)
    await unit.connection.execute(
        insert(payment_messages).values(
            round=settled.id, debtor=debtor, message=written.decode(), issued_at=unit.now
        )
    )
    unit.audit("instructions.issued", settled.id, {"debtor": debtor}, organisation=debtor)
    return written


def key_of(message: bytes) -> str:
    """Return a message's own identifier (`MsgId`), by which a bank detects a duplicate.

    ValueError when there is none.
    """
    found = _MESSAGE_ID.search(message)
    if found is None:
        raise ValueError("not a message")
    return found[1].decode()


async def issued_for(connection: AsyncConnection, settled: str) -> list[bytes]:
    """Return the messages written for a round, ordered by debtor."""
    rows = await connection.execute(
        select(payment_messages.c.message)
        .where(payment_messages.c.round == settled)
        .order_by(payment_messages.c.debtor)
    )
    return [str(message).encode() for message in rows.scalars()]


async def _message(connection: AsyncConnection, settled: Round, debtor: str) -> bytes:
    """Write the debtor's message; refusals as for `issue`."""
    own = [
        each for each in settled.payments if each.debtor == debtor and each.status == "instructed"
    ]
    if not own:
        raise Refusal(NOT_FOUND, f"{debtor} pays nothing in {settled.id}")
    parties = [debtor, *(each.creditor for each in own)]
    accounts = await accounts_of(connection, parties)
    if missing := sorted(set(parties) - set(accounts)):
        raise Refusal(
            CONFLICT,
            f"no account of {missing}",
            why=f"{len(missing)} of the parties have named no settlement account",
            why_zh=f"有 {len(missing)} 个参与方尚未登记结算账户",
        )
    return pain_001(settled, own, accounts)


def pain_001(
    settled: Round, own: Sequence[PaymentRow], accounts: Mapping[str, SettlementAccount]
) -> bytes:
    """Return the message (ISO 20022 CustomerCreditTransferInitiationV09), in UTF-8."""
    debtor = accounts[own[0].debtor]
    document = Xml.Element("Document", {"xmlns": NAMESPACE})
    initiation = Xml.SubElement(document, "CstmrCdtTrfInitn")
    header = Xml.SubElement(initiation, "GrpHdr")
    _text(header, "MsgId", own[0].id)
    _text(header, "CreDtTm", settled.settled_at.isoformat(timespec="seconds"))
    _totals(header, own)
    _text(Xml.SubElement(header, "InitgPty"), "Nm", debtor.holder)
    block = Xml.SubElement(initiation, "PmtInf")
    _text(block, "PmtInfId", own[0].id)
    _text(block, "PmtMtd", "TRF")
    _totals(block, own)
    _text(Xml.SubElement(block, "ReqdExctnDt"), "Dt", settled.settled_at.date().isoformat())
    _party(block, "Dbtr", debtor)
    _account(block, "DbtrAcct", debtor)
    _agent(block, "DbtrAgt", debtor)
    for each in own:
        _transfer(block, each, accounts[each.creditor], settled.id)
    Xml.indent(document)
    written: bytes = Xml.tostring(document, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _transfer(
    block: Xml.Element, payment: PaymentRow, creditor: SettlementAccount, settled: str
) -> None:
    transfer = Xml.SubElement(block, "CdtTrfTxInf")
    _text(Xml.SubElement(transfer, "PmtId"), "EndToEndId", payment.id)
    amount = Xml.SubElement(Xml.SubElement(transfer, "Amt"), "InstdAmt", {"Ccy": payment.currency})
    amount.text = _decimal(payment.amount_minor, payment.currency)
    _agent(transfer, "CdtrAgt", creditor)
    _party(transfer, "Cdtr", creditor)
    _account(transfer, "CdtrAcct", creditor)
    _text(Xml.SubElement(transfer, "RmtInf"), "Ustrd", f"weir {settled}")


def _totals(parent: Xml.Element, own: Sequence[PaymentRow]) -> None:
    _text(parent, "NbOfTxs", str(len(own)))
    total = sum(each.amount_minor for each in own)
    _text(parent, "CtrlSum", _decimal(total, own[0].currency))


def _party(parent: Xml.Element, name: str, account: SettlementAccount) -> None:
    _text(Xml.SubElement(parent, name), "Nm", account.holder)


def _account(parent: Xml.Element, name: str, account: SettlementAccount) -> None:
    identified = Xml.SubElement(Xml.SubElement(parent, name), "Id")
    if account.scheme == "iban":
        _text(identified, "IBAN", account.account)
    else:
        _text(Xml.SubElement(identified, "Othr"), "Id", account.account)


def _agent(parent: Xml.Element, name: str, account: SettlementAccount) -> None:
    bank = Xml.SubElement(Xml.SubElement(parent, name), "FinInstnId")
    if account.scheme == "iban":
        _text(bank, "BICFI", account.bank)
        return
    member = Xml.SubElement(bank, "ClrSysMmbId")
    _text(Xml.SubElement(member, "ClrSysId"), "Cd", "CNAPS")
    _text(member, "MmbId", account.bank)


def _text(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, name).text = text


def _decimal(amount_minor: int, currency: str) -> str:
    return format(Money(amount_minor, currency).decimal(), f".{MINOR_DIGITS[currency]}f")


def _iban_checks(iban: str) -> bool:
    """Whether an IBAN, rearranged and read as a number, is 1 modulo 97 (ISO 13616)."""
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(each, 36)) for each in moved)) % 97 == 1
