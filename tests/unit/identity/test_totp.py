"""One-time passwords: the vectors of RFC 4226 and RFC 6238, the window, and use once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.identity import totp

SECRET = b"12345678901234567890"

# RFC 4226 appendix D: the code of counters 0 to 9.
HOTP = (
    "755224", "287082", "359152", "969429", "338314",
    "254676", "287922", "162583", "399871", "520489",
)  # fmt: skip
# RFC 6238 appendix B (SHA-1), the last six of its eight digits.
TOTP = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


@pytest.mark.parametrize(("counter", "code"), list(enumerate(HOTP)))
def test_the_vectors_of_rfc_4226(counter: int, code: str) -> None:
    assert totp.code_at(SECRET, counter) == code


@pytest.mark.parametrize(("now_s", "code"), TOTP.items())
def test_the_vectors_of_rfc_6238(now_s: int, code: str) -> None:
    assert totp.code_at(SECRET, now_s // totp.STEP_S) == code
    assert totp.step_of(code, SECRET, now_s, 0) == now_s // totp.STEP_S


@given(step=st.integers(10, 10**9), drift=st.integers(-4, 4))
def test_one_step_either_way_is_taken_and_no_more(step: int, drift: int) -> None:
    found = totp.step_of(totp.code_at(SECRET, step + drift), SECRET, step * totp.STEP_S, 0)
    if abs(drift) <= 1:
        assert found is not None
    elif found is not None:  # another step happens to have the same code
        assert totp.code_at(SECRET, found) == totp.code_at(SECRET, step + drift)


def test_a_code_counts_once_and_never_an_older_one() -> None:
    step = 1_000
    code = totp.code_at(SECRET, step)
    assert totp.step_of(code, SECRET, step * totp.STEP_S, step - 1) == step
    assert totp.step_of(code, SECRET, step * totp.STEP_S, step) is None
    assert totp.step_of(code, SECRET, step * totp.STEP_S, step + 1) is None


@pytest.mark.parametrize("typed", ["", "28708", "2870820", "abcdef", "二八七〇八二", "-87082"])
def test_what_is_no_code_is_refused(typed: str) -> None:
    assert totp.step_of(typed, SECRET, 59, 0) is None


def test_a_code_may_be_typed_with_spaces() -> None:
    assert totp.step_of(" 287 082 ", SECRET, 59, 0) == 1


def test_the_address_is_what_authenticators_read() -> None:
    address = totp.key_uri(SECRET, "li.hua+x", "weir")
    assert address == (
        "otpauth://totp/weir:li.hua%2Bx?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=weir"
    )
