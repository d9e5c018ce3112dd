"""The demo finds ports of its own beside whatever else runs on the machine."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from ports import HOST, own_ports
from weir.app.settings import Settings
from weir.kernel.declares import PLATFORM_UNAVAILABLE, PORT_TAKEN
from weir.kernel.outcomes import Refusal
from weir.store.engines import claim
from weir_demo.boot import on_free_ports


def settings() -> Settings:
    public, mtls = own_ports(2)
    return Settings(public_port=public, mtls_port=mtls)


def ports(chosen: Settings) -> list[int]:
    return [chosen.public_port, chosen.mtls_port]


def claimed(chosen: Settings) -> list[int]:
    """Claim both, as an installation does, and let them go."""
    with claim(HOST, chosen.public_port), claim(HOST, chosen.mtls_port):
        return ports(chosen)


def test_the_ports_of_the_settings_are_taken_if_they_are_free() -> None:
    wanted = settings()
    assert on_free_ports(wanted, claimed) == ports(wanted)


def test_others_are_taken_if_somebody_listens_there() -> None:
    wanted = settings()
    with socket.create_server((HOST, wanted.mtls_port)):
        assert not set(on_free_ports(wanted, claimed)) & set(ports(wanted))


def test_others_are_taken_if_somebody_is_quicker_between_the_look_and_the_claim() -> None:
    wanted, tried = settings(), []
    with ExitStack() as rivals:

        def start(chosen: Settings) -> list[int]:
            tried.append(ports(chosen))
            if len(tried) <= 2:
                rivals.enter_context(claim(HOST, chosen.mtls_port))
            return claimed(chosen)

        assert on_free_ports(wanted, start) == tried[2]
    assert tried[0] == ports(wanted)


@pytest.mark.parametrize(("outcome", "times"), [(PORT_TAKEN, 5), (PLATFORM_UNAVAILABLE, 1)])
def test_it_gives_up_at_some_time_and_at_once_for_another_reason(outcome, times) -> None:
    tried = []

    def start(chosen: Settings) -> None:
        tried.append(ports(chosen))
        raise Refusal(outcome)

    with pytest.raises(Refusal):
        on_free_ports(settings(), start)
    assert len(tried) == times
