import json

from hypothesis import given
from hypothesis import strategies as st

from weir.client.errors import OAuthError, RefusedError, oauth_error_in, refusal_in
from weir.kernel.declares import INVALID_INPUT
from weir.kernel.outcomes import Fault, Retry, problem
from weir.kernel.rooms import refusals


def test_every_refusal_of_the_platform_is_read_back_as_it_was_said() -> None:
    for outcome in refusals().values():
        body = json.dumps(problem(outcome, "c0ffee", {"limit": 5})).encode()
        refused = refusal_in(outcome.status, body, "7")
        assert refused is not None
        assert (refused.code, refused.title, refused.title_zh) == (
            outcome.code,
            outcome.en,
            outcome.zh,
        )
        assert (refused.fault, refused.retry) == (outcome.fault, outcome.retry)
        assert (refused.interaction_id, refused.retry_after_s) == ("c0ffee", 7)
        assert refused.parameters == {"limit": 5}


def test_a_refusal_reads_as_one_sentence() -> None:
    body = json.dumps(problem(INVALID_INPUT, None, {"why": "too long", "why_zh": "太长"}))
    refused = refusal_in(422, body.encode())
    said = "A value is missing or not in its required form. (invalid_input; why: too long)"
    assert str(refused) == said


def test_a_problem_of_somebody_else_is_not_the_platforms_refusal() -> None:
    assert refusal_in(404, b'{"type":"about:blank","title":"Not found","status":404}') is None
    assert refusal_in(404, b'["urn:weir:refusal:not_found"]') is None
    assert refusal_in(404, b"<html>") is None


def test_a_refusal_with_odd_members_is_still_a_refusal() -> None:
    body = b'{"type":"urn:weir:refusal:x","code":5,"fault":"weather","retry":[],"parameters":[1]}'
    refused = refusal_in(500, body, "soon")
    assert isinstance(refused, RefusedError)
    assert (refused.fault, refused.retry, refused.code) == (Fault.PLATFORM, Retry.NEVER, "5")
    assert (refused.parameters, refused.retry_after_s) == ({}, None)


def test_an_oauth_error_keeps_its_code_words_and_place() -> None:
    body = b'{"error":"invalid_scope","error_description":"No.","parameters":{"reason":"unknown"}}'
    error = oauth_error_in(400, body)
    assert isinstance(error, OAuthError)
    assert str(error) == "No. (invalid_scope)"


@given(
    st.binary(max_size=400)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "error", "code", "fault", "retry", "parameters", "title"]),
                inner | st.just("urn:weir:refusal:x"),
                max_size=6,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_answer_breaks_the_reading_of_it(content: bytes) -> None:
    refused = refusal_in(400, content)
    assert refused is None or str(refused)
    error = oauth_error_in(400, content)
    assert error is None or str(error)
