"""Every answer to an application names its receipt; its numbers have no gap."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from gateway_support import INTERACTION, House

from seals import SECRET
from weir.kernel.seals import ReceiptName, authenticator
from weir.metering.records.sealer import stream_key

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def names(house: House) -> list[ReceiptName]:
    lines = house.caller.written.decode().split("\r\n")
    return [
        ReceiptName.parse(line.removeprefix("weir-receipt: "))
        for line in lines
        if line.startswith("weir-receipt: ")
    ]


async def test_an_answer_names_its_record_and_proves_what_its_head_says(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call()
    house.answer(OK)
    (name,) = names(house)
    (record,) = house.records()
    assert (name.stream, name.call, name.at_us) == (house.stream, record.call, record.at_us)
    assert record.application is not None
    facts = (house.stream, 1, name.at_us, record.application, INTERACTION, 200)
    assert name.authenticator == authenticator(stream_key(SECRET, house.stream), *facts)
    other = authenticator(stream_key(SECRET, house.stream), *facts[:-1], 201)
    assert name.authenticator != other


async def test_refusals_count_among_an_applications_calls_and_strangers_do_not(
    tmp_path: Path,
) -> None:
    house = House(tmp_path)
    house.call("GET", "/nowhere")
    house.call("GET", "/rates", token="no.token.atall")
    house.call("GET", "/nowhere")
    assert [name.call for name in names(house)] == [1, 2]
    assert [record.call for record in house.records()] == [1, 2]


def no_space(fd: int, data: bytes) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_a_number_whose_record_could_not_be_written_goes_to_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    with monkeypatch.context() as full:
        full.setattr(os, "write", no_space)
        house.call("GET", "/nowhere")
        assert house.problem["code"] == "record_unwritable"
        assert names(house) == []
    house.call("GET", "/nowhere")
    house.call("GET", "/nowhere")
    assert [record.call for record in house.records()] == [1, 2]


async def test_labels_are_recorded_and_kept_from_the_member(tmp_path: Path) -> None:
    house = House(tmp_path)
    labels = ("weir-scene: checkout.pay-later", "weir-channel: mini-app", "weir-referrer: shop-7")
    house.call("GET", "/rates", None, None, *labels)
    house.answer(OK)
    (record,) = house.records()
    labels = (record.scene, record.channel, record.referrer)
    assert labels == ("checkout.pay-later", "mini-app", "shop-7")
    assert b"weir-" not in house.member.written


@pytest.mark.parametrize(
    "value", ["", "Checkout", "7eleven", "a" * 49, "card-62220210", "a b", 'a"b', "张三", "a\\"]
)
async def test_a_label_that_could_name_a_person_is_refused(tmp_path: Path, value: str) -> None:
    house = House(tmp_path)
    raw = value.encode().decode("latin-1")
    house.call("GET", "/rates", None, None, f"weir-referrer: {raw}")
    assert house.code == "invalid_input"
    (record,) = house.records()
    assert record.referrer is None


async def test_a_label_given_twice_is_refused(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call("GET", "/rates", None, None, "weir-scene: one", "weir-scene: two")
    assert house.code == "malformed_http"


async def test_head_and_get_are_recorded_as_what_they_were(tmp_path: Path) -> None:
    house = House(tmp_path)
    for method in ("GET", "HEAD", "GET"):
        house.call(method)
        house.answer(OK if method == "GET" else OK[:-2])
    assert [record.method for record in house.records()] == ["GET", "HEAD", "GET"]
