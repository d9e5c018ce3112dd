"""Names are asked for again, and only addresses that may be called are called."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from weir.kernel.outcomes import Refusal
from weir.wire.declares import DNS_REFRESH_S, NAME_ADDRESSES
from weir.wire.resolver import Addresses, Reachable

ANY = Reachable()


@pytest.mark.parametrize(
    "address",
    ["192.0.2.1", "10.1.2.3", "127.0.0.1", "2001:db8::1", "::1", "100.64.0.1", "64:ff9b::10.1.2.3"],
)
def test_ordinary_addresses_may_be_called(address: str) -> None:
    assert ANY.allows(address)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "::ffff:169.254.169.254",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
        "100.100.100.200",
        "fd00:ec2::254",
        "192.0.0.192",
        "64:ff9b::169.254.169.254",
        "fec0::1",
        "2002:a9fe:a9fe::1",
        "fe80::1%eth0",
        "member.example",
        "2852039166",
        "0xa9fea9fe",
        "",
    ],
)
def test_addresses_that_are_no_members_are_never_called(address: str) -> None:
    assert not ANY.allows(address)


def test_a_setting_narrows_what_may_be_called() -> None:
    narrow = Reachable.parse("10.2.0.0/16, 2001:db8::/32")
    assert narrow.allows("10.2.255.1")
    assert narrow.allows("::ffff:10.2.0.1")
    assert narrow.allows("2001:db8::5")
    assert not narrow.allows("10.3.0.1")
    assert not narrow.allows("127.0.0.1")
    assert not Reachable.parse("169.254.0.0/16").allows("169.254.169.254")


@pytest.mark.parametrize("text", ["10.2.0.1/16", "everything", "10.0.0.0/33", "10.0.0.0/8;"])
def test_a_setting_that_is_no_list_of_networks_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        Reachable.parse(text)
    assert refused.value.public["setting"] == "WEIR_MEMBER_NETWORKS"


class NameService:
    """A loop that answers names as the test says, and lets the test move the time."""

    def __init__(self, *answers: list[str] | OSError) -> None:
        self.answers = list(answers)
        self.now_s = 1_000.0
        self.asked = 0

    def time(self) -> float:
        return self.now_s

    async def getaddrinfo(self, host: str, port: None, **more: int) -> list[Any]:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return [(2, more["type"], 6, "", (each, 0)) for each in answer]


def addresses(service: NameService, host: str = "member.example") -> Addresses:
    return Addresses(service, host, ANY)  # type: ignore[arg-type]


async def test_a_name_is_asked_for_again_when_its_answer_is_old() -> None:
    service = NameService(["192.0.2.1"], ["192.0.2.2"])
    found = addresses(service)
    assert await found.in_turn() == ("192.0.2.1",)
    service.now_s += DNS_REFRESH_S - 1
    assert await found.in_turn() == ("192.0.2.1",)
    assert "192.0.2.1" in found
    service.now_s += 1
    assert await found.in_turn() == ("192.0.2.2",)
    assert "192.0.2.1" not in found
    assert service.asked == 2


async def test_of_a_hundred_addresses_few_are_looked_at() -> None:
    hundred = [f"192.0.2.{number}" for number in range(100)]
    found = addresses(NameService(hundred))
    assert len(await found.in_turn()) == NAME_ADDRESSES
    assert Reachable().choice(hundred) == tuple(sorted(hundred)[:NAME_ADDRESSES])


async def test_several_addresses_take_turns_in_being_first() -> None:
    found = addresses(NameService(["192.0.2.1", "192.0.2.2", "192.0.2.1"]))
    firsts = [(await found.in_turn())[0] for _ in range(4)]
    assert sorted(firsts[:2]) == ["192.0.2.1", "192.0.2.2"]
    assert firsts[:2] == firsts[2:]


async def test_a_name_service_that_fails_takes_nothing_away() -> None:
    service = NameService(["192.0.2.1"], OSError("no answer"))
    found = addresses(service)
    await found.in_turn()
    service.now_s += DNS_REFRESH_S
    assert await found.in_turn() == ("192.0.2.1",)


async def test_a_name_that_leads_only_where_nobody_may_go_leads_nowhere() -> None:
    found = addresses(NameService(["169.254.169.254", "fe80::1"]))
    with pytest.raises(OSError, match="no address"):
        await found.in_turn()


async def test_of_a_name_that_leads_to_both_only_the_good_address_is_called() -> None:
    found = addresses(NameService(["169.254.169.254", "192.0.2.1"]))
    assert await found.in_turn() == ("192.0.2.1",)


@pytest.mark.parametrize("host", ["169.254.169.254", "::ffff:169.254.169.254", "0.0.0.0"])
async def test_a_registered_address_is_judged_as_well(host: str) -> None:
    with pytest.raises(OSError, match="no address"):
        await addresses(NameService(), host).in_turn()


async def test_an_address_is_not_asked_for() -> None:
    service = NameService()
    assert await addresses(service, "192.0.2.7").in_turn() == ("192.0.2.7",)
    assert service.asked == 0


async def test_a_real_loop_resolves_localhost() -> None:
    found = await Addresses(asyncio.get_running_loop(), "localhost", ANY).in_turn()
    assert set(found) <= {"127.0.0.1", "::1"}


async def test_a_name_that_no_name_service_can_be_asked_for_leads_nowhere() -> None:
    """Python encodes names before it asks, and says what it cannot encode in another way."""
    host = "a" * 64 + ".example"
    with pytest.raises(OSError, match="no address"):
        await Addresses(asyncio.get_running_loop(), host, ANY).in_turn()
