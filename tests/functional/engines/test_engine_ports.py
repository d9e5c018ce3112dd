"""A port in use is found in use, however its owner shares it."""

from __future__ import annotations

import socket

import pytest

from weir.kernel.declares import PORT_TAKEN, SETTING_INVALID
from weir.kernel.outcomes import Refusal
from weir.store.engines import claim, require_free


def listening(host: str, *, share: bool) -> socket.socket:
    owner = socket.socket()
    owner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if share:
        owner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    owner.bind((host, 0))
    owner.listen()
    return owner


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("theirs", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("ours", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_taken_port_is_refused(share: bool, theirs: str, ours: str) -> None:
    with listening(theirs, share=share) as owner:
        port = owner.getsockname()[1]
        with pytest.raises(Refusal) as refused:
            require_free(ours, port)
        assert refused.value.outcome is PORT_TAKEN
        assert refused.value.public == {"port": port}
    require_free(ours, port)


def test_of_two_that_start_at_once_only_one_gets_the_port() -> None:
    with listening("127.0.0.1", share=False) as owner:
        port = owner.getsockname()[1]
    with claim("127.0.0.1", port):
        with pytest.raises(Refusal) as refused:
            claim("127.0.0.1", port)
        assert refused.value.outcome is PORT_TAKEN
    claim("127.0.0.1", port).close()


def test_a_port_whose_connections_have_just_ended_is_free() -> None:
    with listening("127.0.0.1", share=False) as owner:
        port = owner.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = owner.accept()
            accepted.close()  # the side that closes first keeps the port in TIME_WAIT
    require_free("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port"), [("203.0.113.1", 8443), ("127.0.0.1", 0), ("127.0.0.1", 65536), ("a b", 1)]
)
def test_an_address_that_cannot_be_ours_is_a_wrong_setting(host: str, port: int) -> None:
    with pytest.raises(Refusal) as refused:
        require_free(host, port)
    assert refused.value.outcome is SETTING_INVALID
    assert "why" in refused.value.public
