"""Client of a member's account directory, which lists a customer's accounts for the consent page.

    GET {directory_url}/customers/{customer_ref}/accounts
    200 {"accounts": [{"account_id": "...", "name": "...", "masked_number": "...",
                       "currency": "CNY"}]}

over mutual TLS with the platform's own certificate; 404 when the member knows no such customer.
`account_id` names the account in consents and calls. The customer recognises the account by
`masked_number`. Unknown fields are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from weir.consent.declares import DIRECTORY_ACCOUNTS, DIRECTORY_ANSWER_BYTES
from weir.kernel import inputs
from weir.kernel.declares import (
    INVALID_INPUT,
    MEMBER_BROKEN_ANSWER,
    MEMBER_TIMEOUT,
    PLATFORM_UNAVAILABLE,
)
from weir.kernel.money import MINOR_DIGITS
from weir.kernel.outcomes import Refusal
from weir.kernel.path_segments import segment
from weir.kernel.strict_json import loads
from weir.wire.declares import MEMBER_UNREACHABLE
from weir.wire.outbound import (
    AnswerTooLongError,
    Outbound,
    OutboundAnswer,
    OutboundError,
    OutboundTimeoutError,
)

_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_TEXT_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Account:
    """One account, policy or portfolio as the member shows it to its customer."""

    id: str
    name: str
    number: str
    currency: str


async def accounts_of(
    outbound: Outbound, directory_url: str | None, customer_ref: str, interaction_id: str
) -> Sequence[Account]:
    """Return a customer's accounts; none when the member knows no such customer.

    Refusal MEMBER_UNREACHABLE, MEMBER_TIMEOUT or MEMBER_BROKEN_ANSWER when the directory does not
    answer properly, PLATFORM_UNAVAILABLE when the member has no directory. Redirects are not
    followed.
    """
    if directory_url is None:
        raise Refusal(PLATFORM_UNAVAILABLE, "the member has no account directory")
    url = f"{directory_url}/customers/{segment(customer_ref)}/accounts"
    answer = await _get(outbound, url, interaction_id)
    if answer.status == 404:
        return []
    if answer.status != 200:
        raise Refusal(MEMBER_BROKEN_ANSWER, f"directory answered {answer.status}")
    return parse(answer.body)


def parse(body: bytes) -> Sequence[Account]:
    """Read a directory's answer. Refusal MEMBER_BROKEN_ANSWER when it is not one."""
    try:
        answer = loads(body, DIRECTORY_ANSWER_BYTES)
    except ValueError as error:
        raise Refusal(MEMBER_BROKEN_ANSWER, f"directory: {error}") from error
    listed = answer.get("accounts") if isinstance(answer, dict) else None
    if not isinstance(listed, list) or len(listed) > DIRECTORY_ACCOUNTS:
        raise Refusal(MEMBER_BROKEN_ANSWER, "directory: no list of accounts")
    accounts = [_account(each) for each in listed]
    if len({each.id for each in accounts}) != len(accounts):
        raise Refusal(MEMBER_BROKEN_ANSWER, "directory: an account is listed twice")
    return accounts


def choose(
    accounts: Sequence[Account], chosen: Sequence[str], kept: Collection[str] = ()
) -> list[str]:
    """Check the accounts that a customer chose, and return them sorted.

    Refusal INVALID_INPUT when the member did not list one of them, or when none is chosen and no
    account is `kept` from before.
    """
    if not chosen and not kept:
        raise inputs.wrong("/accounts", "choose at least one", "请至少选择一个")
    if not set(chosen) <= {each.id for each in accounts}:
        raise Refusal(INVALID_INPUT, "an account the member did not list", pointer="/accounts")
    return sorted(set(chosen))


async def _get(outbound: Outbound, url: str, interaction_id: str) -> OutboundAnswer:
    headers = {"accept": "application/json", "x-fapi-interaction-id": interaction_id}
    try:
        return await outbound.get(url, headers, DIRECTORY_ANSWER_BYTES)
    except OutboundTimeoutError as error:
        raise Refusal(MEMBER_TIMEOUT, repr(error)) from error
    except AnswerTooLongError as error:
        raise Refusal(MEMBER_BROKEN_ANSWER, "directory: the answer is too long") from error
    except OutboundError as error:
        raise Refusal(MEMBER_UNREACHABLE, repr(error)) from error


def _account(value: Any) -> Account:
    if not isinstance(value, dict):
        raise Refusal(MEMBER_BROKEN_ANSWER, "directory: an account is no object")
    identifier, currency = value.get("account_id"), value.get("currency")
    if not isinstance(identifier, str) or _ACCOUNT.fullmatch(identifier) is None:
        raise Refusal(MEMBER_BROKEN_ANSWER, "directory: an account has no usable id")
    if currency not in MINOR_DIGITS:
        raise Refusal(MEMBER_BROKEN_ANSWER, "directory: an account has no known currency")
    return Account(identifier, _shown(value, "name"), _shown(value, "masked_number"), currency)


def _shown(value: dict[str, Any], field: str) -> str:
    """A text that is shown to the customer, without characters that could mislead the reader."""
    text = value.get(field)
    if not isinstance(text, str):
        raise Refusal(MEMBER_BROKEN_ANSWER, f"directory: {field} is missing")
    try:
        return inputs.text(text, f"/{field}", _TEXT_CHARACTERS)
    except Refusal as error:
        raise Refusal(MEMBER_BROKEN_ANSWER, f"directory: {field} is not plain text") from error
