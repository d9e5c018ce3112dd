"""The table of steps itself: its order is the order of refusals."""

from __future__ import annotations

import inspect

import pytest

from weir.authorization import pipeline
from weir.authorization.declares import OAUTH_UNSUPPORTED_GRANT_TYPE
from weir.authorization.pipeline import STEPS, TABLE, Endpoint, token_endpoint_for
from weir.authorization.steps import binding, replay
from weir.kernel.outcomes import Refusal

# Written out, so that moving a row is a decision somebody sees.
ORDER = {
    Endpoint.PAR: """is_named is_found key_is_recalled keys_are_fetched
        proves_itself_by_certificate proves_itself_by_key certificate_is_the_clients
        client_keeps_its_rate client_asks_in_measure proof_is_valid key_is_the_tokens
        nothing_is_replayed is_active code_is_its_grant_type brings_no_request_uri
        request_object_is_opened request_object_does_not_replay asks_for_a_code
        returns_to_a_registered_address keeps_state_and_nonce_short names_languages
        action_is_coherent proves_possession_later key_is_the_announced_one
        stays_within_subscriptions resource_is_the_scopes sign_in_is_described
        intent_is_recalled says_what_it_wants type_is names_a_member member_is_the_products
        scope_needs_the_consent begins_a_grant grant_may_be_changed is_kept""",
    Endpoint.AUTHORIZE: """client_is_named is_found is_active request_is_recalled
        request_is_unanswered visit_begins""",
    Endpoint.TOKEN_CODE: """key_is_shown is_named is_found key_is_recalled keys_are_fetched
        proves_itself_by_certificate proves_itself_by_key certificate_is_the_clients
        client_keeps_its_rate proof_is_valid binding_is key_is_the_tokens nothing_is_replayed
        is_active grant_type_is code_is_found code_is_unused code_is_in_time address_is_the_same
        code_is_the_trials key_is_the_codes certificate_is_the_codes verifier_fits
        consent_stands resource_is_the_tokens details_are_narrowed code_is_spent""",
    Endpoint.TOKEN_REFRESH: """key_is_shown is_named is_found keys_are_fetched
        proves_itself_by_certificate proves_itself_by_key certificate_is_the_clients
        client_keeps_its_rate proof_is_valid binding_is nothing_is_replayed is_active
        grant_type_is token_is_found consent_stands resource_is_the_tokens details_are_narrowed
        newest_is_the_only_one token_is_refreshed""",
    Endpoint.TOKEN_CREDENTIALS: """key_is_shown is_named is_found keys_are_fetched
        proves_itself_by_certificate proves_itself_by_key certificate_is_the_clients
        client_keeps_its_rate proof_is_valid binding_is nothing_is_replayed is_active
        grant_type_is asks_no_customer stays_within_its_rights resource_is_the_tokens
        token_is_issued""",
    Endpoint.REVOKE: """is_named is_found keys_are_fetched proves_itself_by_certificate
        proves_itself_by_key certificate_is_the_clients client_keeps_its_rate
        nothing_is_replayed token_is_revoked""",
    Endpoint.INTROSPECT: """is_named is_found keys_are_fetched proves_itself_by_certificate
        proves_itself_by_key certificate_is_the_clients client_keeps_its_rate
        nothing_is_replayed is_active caller_may_ask token_is_introspected""",
    Endpoint.USERINFO: """token_is_ours key_is_the_tokens token_keeps_its_rate proof_is_new
        scope_is_openid token_stands customer_is_named""",
    Endpoint.GRANT_QUERY: """token_is_ours key_is_the_tokens token_keeps_its_rate proof_is_new
        token_stands scope_is_query grant_is_told""",
    Endpoint.GRANT_REVOKE: """token_is_ours key_is_the_tokens token_keeps_its_rate proof_is_new
        token_stands scope_is_revoke grant_is_ended""",
    Endpoint.BACKCHANNEL: """is_named is_found keys_are_fetched proves_itself_by_certificate
        proves_itself_by_key certificate_is_the_clients client_keeps_its_rate
        client_asks_in_measure nothing_is_replayed is_active ciba_is_its_grant_type
        brings_no_request_uri may_ask request_is_signed request_is_opened
        request_does_not_replay request_has_its_claims one_hint_is_given message_is_short
        times_are_bounded notification_token_is_strong stays_within_subscriptions
        resource_is_the_scopes sign_in_is_plain says_what_it_wants type_is names_a_member
        scope_needs_the_consent question_is_kept""",
    Endpoint.TOKEN_CIBA: """key_is_shown is_named is_found keys_are_fetched
        proves_itself_by_certificate proves_itself_by_key certificate_is_the_clients
        client_keeps_its_rate proof_is_valid binding_is nothing_is_replayed is_active
        grant_type_is may_poll question_is_found question_is_answered grant_is_found
        consent_stands resource_is_the_tokens details_are_narrowed question_is_collected""",
}


@pytest.mark.parametrize("endpoint", Endpoint)
def test_the_order_of_refusals_is_fixed(endpoint: Endpoint) -> None:
    assert [step.__name__ for step in STEPS[endpoint]] == ORDER[endpoint].split()


def test_every_row_is_marked_for_every_endpoint_and_used_by_one() -> None:
    for marks, step in TABLE:
        columns = list(marks)
        assert len(columns) == len(Endpoint), step.__name__
        assert set(columns) <= {"x", "·"}
        assert "x" in columns


def test_every_step_names_the_rule_it_keeps() -> None:
    for _, step in TABLE:
        assert inspect.getdoc(step), step.__name__
        assert len(inspect.getsource(step).splitlines()) <= 30, step.__name__


def test_no_endpoint_that_issues_tokens_lacks_the_binding() -> None:
    for endpoint in pipeline.GRANT_TYPES.values():
        steps = STEPS[endpoint]
        assert steps[0] is binding.key_is_shown
        assert binding.certificate_is_the_clients in steps
        assert replay.nothing_is_replayed in steps


@pytest.mark.parametrize("grant_type", [None, "", "password", "implicit", "AUTHORIZATION_CODE"])
def test_other_grant_types_have_no_column(grant_type: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        token_endpoint_for(grant_type)
    assert refused.value.outcome is OAUTH_UNSUPPORTED_GRANT_TYPE
