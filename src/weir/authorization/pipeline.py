"""The whole authorization server in one table: a step a row, an endpoint a column.

A request passes the steps of its column from top to bottom. Each step passes or refuses; so the
order of the rows is the order of refusals, and a test holds it. The cost of steps grows downwards:
forms first, then the client's proof, then the wishes of the request, and last the changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import Final

from weir.authorization.declares import OAUTH_UNSUPPORTED_GRANT_TYPE
from weir.authorization.exchange import Answer, Exchange
from weir.authorization.grammar import grant_types
from weir.authorization.steps import (
    backchannel,
    binding,
    ciba,
    client,
    code,
    credentials,
    grant_management,
    introspection,
    possession,
    rates,
    refresh,
    registered,
    replay,
    request,
    request_object,
    revocation,
    sign_in,
    token_content,
    trial,
    userinfo,
    visit,
)
from weir.kernel.outcomes import Refusal

Step = Callable[[Exchange], Awaitable[None] | None]


class Endpoint(IntEnum):
    """The columns of the table."""

    PAR = 0
    AUTHORIZE = 1
    TOKEN_CODE = 2
    TOKEN_REFRESH = 3
    TOKEN_CREDENTIALS = 4
    REVOKE = 5
    INTROSPECT = 6
    USERINFO = 7
    GRANT_QUERY = 8
    GRANT_REVOKE = 9
    BACKCHANNEL = 10
    TOKEN_CIBA = 11


GRANT_TYPES: Final = {
    grant_types.AUTHORIZATION_CODE: Endpoint.TOKEN_CODE,
    grant_types.REFRESH_TOKEN: Endpoint.TOKEN_REFRESH,
    grant_types.CLIENT_CREDENTIALS: Endpoint.TOKEN_CREDENTIALS,
    grant_types.CIBA: Endpoint.TOKEN_CIBA,
}

# fmt: off
TABLE: Final[tuple[tuple[str, Step], ...]] = (
    # P  PAR   A  authorize   C  token: code   R  token: refresh   K  token: credentials
    # V  revoke   I  introspect   U  userinfo   Q  grant query   D  grant revoke
    # B  backchannel authentication   T  token: CIBA
    #  PACRKVIUQDBT
    ("··xxx······x", binding.key_is_shown),                           # RFC 8705 section 3
    ("x·xxxxx···xx", client.is_named),                                # RFC 7521 section 4.2
    ("·x··········", visit.client_is_named),                          # RFC 9126 section 4
    ("xxxxxxx···xx", client.is_found),                                # RFC 6749 section 2.2
    ("x·x·········", trial.key_is_recalled),                          # RFC 7523 section 2.2
    ("x·xxxxx···xx", client.keys_are_fetched),                        # RFC 7591 section 2
    ("x·xxxxx···xx", client.proves_itself_by_certificate),            # RFC 8705 section 2
    ("x·xxxxx···xx", client.proves_itself_by_key),                    # RFC 7523 section 2.2
    ("x·xxxxx···xx", binding.certificate_is_the_clients),             # RFC 8705 section 3
    ("x·xxxxx···xx", rates.client_keeps_its_rate),                    # RFC 6585 section 4
    ("x·········x·", rates.client_asks_in_measure),                   # RFC 6585 section 4
    ("x·xxx······x", possession.proof_is_valid),                      # RFC 9449 section 4.3
    ("··xxx······x", registered.binding_is),                          # RFC 9449 section 5.2
    ("x·x·········", trial.key_is_the_tokens),                        # RFC 9449 section 10
    ("x·xxxxx···xx", replay.nothing_is_replayed),                     # RFC 7523, RFC 9449
    ("xxxxx·x···xx", client.is_active),                               # suspensions count at once
    ("··xxx······x", registered.grant_type_is),                       # RFC 7591 section 2
    ("x···········", registered.code_is_its_grant_type),              # RFC 7591 section 2
    ("··········x·", registered.ciba_is_its_grant_type),              # CIBA section 4
    ("x·········x·", request_object.brings_no_request_uri),           # RFC 9126 section 2.1
    ("··········x·", backchannel.may_ask),                            # CIBA section 4
    ("··········x·", backchannel.request_is_signed),                  # CIBA section 7.1.1
    ("x···········", request_object.request_object_is_opened),        # RFC 9101 section 6.3
    ("x···········", request_object.request_object_does_not_replay),  # RFC 9101 section 10.2
    ("··········x·", backchannel.request_is_opened),                  # CIBA section 7.1.1
    ("··········x·", backchannel.request_does_not_replay),            # CIBA section 7.1.1
    ("··········x·", backchannel.request_has_its_claims),             # CIBA section 7.1.1
    ("··········x·", backchannel.one_hint_is_given),                  # CIBA section 7.1
    ("··········x·", backchannel.message_is_short),                   # FAPI-CIBA section 5.2.2
    ("··········x·", backchannel.times_are_bounded),                  # CIBA section 7.1
    ("··········x·", backchannel.notification_token_is_strong),       # CIBA section 7.1
    ("x···········", request.asks_for_a_code),                        # FAPI 2.0 section 5.3.2.2
    ("x···········", request.returns_to_a_registered_address),        # RFC 9700 section 2.1
    ("x···········", request.keeps_state_and_nonce_short),            # FAPI 2.0 section 5.3.2.2
    ("x···········", request.names_languages),                        # OpenID Connect 3.1.2.1
    ("x···········", grant_management.action_is_coherent),            # Grant Management 5.2
    ("x···········", request.proves_possession_later),                # RFC 7636 section 4.3
    ("x···········", binding.key_is_the_announced_one),               # RFC 9449 section 10.1
    ("x·········x·", request.stays_within_subscriptions),             # RFC 6749 section 3.3
    ("x·········x·", token_content.resource_is_the_scopes),           # RFC 8707 section 2
    ("··········x·", backchannel.sign_in_is_plain),                   # CIBA section 7.1
    ("x···········", sign_in.sign_in_is_described),                   # OpenID Connect 3.1.2.1
    ("x···········", sign_in.intent_is_recalled),                     # OpenID Connect 5.5.1
    ("x·········x·", request.says_what_it_wants),                     # RFC 9396 section 2
    ("x·········x·", registered.type_is),                             # RFC 9396 section 10
    ("x·········x·", request.names_a_member),                         # RFC 9396 section 5
    ("x···········", trial.member_is_the_products),                   # RFC 9396 section 5
    ("x·········x·", request.scope_needs_the_consent),                # RFC 9396 section 5
    ("x···········", trial.begins_a_grant),                           # Grant Management 5.2
    ("x···········", grant_management.grant_may_be_changed),          # Grant Management 5.4
    ("x···········", request.is_kept),                                # RFC 9126 section 2.2
    ("··········x·", backchannel.question_is_kept),                   # CIBA section 7.3
    ("·x··········", visit.request_is_recalled),                      # RFC 9126 section 4
    ("·x··········", visit.request_is_unanswered),                    # FAPI 2.0 section 5.3.2.2
    ("·x··········", visit.visit_begins),                             # RFC 9700 section 4.12
    ("··x·········", code.code_is_found),                             # RFC 6749 section 4.1.3
    ("··x·········", code.code_is_unused),                            # RFC 6749 section 4.1.2
    ("··x·········", code.code_is_in_time),                           # FAPI 2.0 section 5.3.2.1
    ("··x·········", code.address_is_the_same),                       # RFC 6749 section 4.1.3
    ("··x·········", trial.code_is_the_trials),                       # RFC 6749 section 4.1.3
    ("··x·········", binding.key_is_the_codes),                       # RFC 9449 section 10
    ("··x·········", binding.certificate_is_the_codes),               # RFC 8705 section 3
    ("··x·········", code.verifier_fits),                             # RFC 7636 section 4.6
    ("···x········", refresh.token_is_found),                         # RFC 6749 section 6
    ("···········x", ciba.may_poll),                                  # CIBA section 11
    ("···········x", ciba.question_is_found),                         # CIBA section 11
    ("···········x", ciba.question_is_answered),                      # CIBA section 11
    ("···········x", ciba.grant_is_found),                            # CIBA section 10.1.1
    ("····x·······", credentials.asks_no_customer),                   # RFC 9396 section 2
    ("····x·······", credentials.stays_within_its_rights),            # RFC 6749 section 3.3
    ("··xx·······x", code.consent_stands),                            # the consent decides
    ("··xxx······x", token_content.resource_is_the_tokens),           # RFC 8707 section 2
    ("··xx·······x", token_content.details_are_narrowed),             # RFC 9396 section 6
    ("···········x", ciba.question_is_collected),                     # CIBA section 10.1.1
    ("··x·········", code.code_is_spent),                             # RFC 6749 section 4.1.4
    ("···x········", refresh.newest_is_the_only_one),                 # Grant Management 5.2
    ("···x········", refresh.token_is_refreshed),                     # RFC 6749 section 6
    ("····x·······", credentials.token_is_issued),                    # RFC 6749 section 4.4.3
    ("·····x······", revocation.token_is_revoked),                    # RFC 7009 section 2.1
    ("······x·····", introspection.caller_may_ask),                   # RFC 9701 section 4
    ("······x·····", introspection.token_is_introspected),            # RFC 7662 section 2.2
    ("·······xxx··", userinfo.token_is_ours),                         # RFC 6750 section 2.1
    ("·······xxx··", userinfo.key_is_the_tokens),                     # RFC 9449 section 7
    ("·······xxx··", rates.token_keeps_its_rate),                     # RFC 6585 section 4
    ("·······xxx··", userinfo.proof_is_new),                          # RFC 9449 section 11.1
    ("·······x····", userinfo.scope_is_openid),                       # OpenID Connect 5.3
    ("·······x····", userinfo.token_stands),                          # RFC 6750 section 3.1
    ("·······x····", userinfo.customer_is_named),                     # OpenID Connect 5.3.2
    ("········xx··", grant_management.token_stands),                  # RFC 6750 section 3.1
    ("········x···", grant_management.scope_is_query),                # Grant Management 6.1
    ("·········x··", grant_management.scope_is_revoke),               # Grant Management 6.1
    ("········x···", grant_management.grant_is_told),                 # Grant Management 6.4
    ("·········x··", grant_management.grant_is_ended),                # Grant Management 6.5
)
# fmt: on

STEPS: Final[dict[Endpoint, tuple[Step, ...]]] = {
    endpoint: tuple(step for marks, step in TABLE if marks[endpoint] == "x")
    for endpoint in Endpoint
}


async def run(endpoint: Endpoint, exchange: Exchange) -> Answer:
    """Pass a request through its column. The first step that refuses ends it."""
    for step in STEPS[endpoint]:
        waiting = step(exchange)
        if waiting is not None:
            await waiting
    return exchange.answer


def token_endpoint_for(grant_type: str | None) -> Endpoint:
    """Return the column of a token request (RFC 6749 section 5.2). OAUTH_UNSUPPORTED_GRANT_TYPE."""
    endpoint = GRANT_TYPES.get(grant_type or "")
    if endpoint is None:
        raise Refusal(OAUTH_UNSUPPORTED_GRANT_TYPE, f"grant_type {grant_type!r}")
    return endpoint
