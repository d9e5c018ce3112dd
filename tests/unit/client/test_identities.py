"""The check of identities that members install, against the cases of all languages."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

import identity_cases
from weir.client import (
    IdentityChecker,
    IdentityError,
    IdentityFault,
    ProtocolError,
    PublishedKeys,
    ReceivedRequest,
)
from weir.client.identities import UsedIdentities


class Listed:
    """Keys as the platform publishes them, read from a value."""

    def __init__(self) -> None:
        self._keys = {key["kid"]: key for key in identity_cases.jwks()["keys"]}

    async def find(self, kid: str) -> dict[str, Any]:
        if kid not in self._keys:
            raise ProtocolError("unknown")
        return cast("dict[str, Any]", self._keys[kid])


@pytest.fixture
def checker() -> IdentityChecker:
    return IdentityChecker(
        cast(PublishedKeys, Listed()),
        issuer=identity_cases.ISSUER,
        member=identity_cases.MEMBER,
        service=identity_cases.SERVICE,
    )


async def found(checker: IdentityChecker, case: identity_cases.Case, *more: str) -> str:
    values = [] if case.identity is None else [case.identity, *more]
    fields = {"openfinance-identity": values, "x-fapi-interaction-id": [case.interaction]}
    request = ReceivedRequest(case.method, case.target, fields, case.body)
    try:
        identity = await checker.check(request, for_this_call=case.for_this_call)
    except IdentityError as error:
        return f"refused {error.fault.value}"
    return f"believed {identity.client_id}"


async def test_each_case_is_found_as_in_every_language(checker: IdentityChecker) -> None:
    for case in identity_cases.cases():
        assert await found(checker, case) == case.found, case.name


def test_every_fault_is_met_by_a_case() -> None:
    met = {case.found.removeprefix("refused ") for case in identity_cases.cases()}
    assert met - {identity_cases.BELIEVED} == {each.value for each in IdentityFault}


async def test_two_identities_are_none(checker: IdentityChecker) -> None:
    good = next(identity_cases.cases())
    assert await found(checker, good, str(good.identity)) == "refused missing"
    assert await found(checker, good) == good.found


def test_what_was_used_is_remembered_until_it_has_expired_and_no_longer() -> None:
    used, now_s = UsedIdentities(), time.time()
    for number in range(3_000):
        assert used.claim(f"old-{number}", int(now_s) + 1, now_s)
    assert not used.claim("old-7", int(now_s) + 1, now_s)
    for number in range(5_000):
        assert used.claim(f"new-{number}", int(now_s) + 90, now_s + 30)
    assert len(used) == 5_000
    assert not used.claim("new-7", int(now_s) + 90, now_s + 30)
