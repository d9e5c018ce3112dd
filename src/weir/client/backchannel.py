"""Backchannel requests (OpenID CIBA Core 1.0): ask customers on their own device."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

from weir.client.authorization import AuthorizationServer
from weir.client.errors import OAuthError, ProtocolError, json_object
from weir.client.tokens import Token

_GRANT_TYPE: Final = "urn:openid:params:grant-type:ciba"
_NOT_YET: Final = ("authorization_pending", "slow_down")
_INTERVAL_S: Final = 5  # when the server names none (CIBA Core section 7.3)


@dataclass(slots=True)
class Question:
    """A backchannel request that waits for its customer.

    Keep `auth_req_id` if your process may end. `interval_s` is the time to wait between two polls;
    the server may lengthen it. `notification_token` is the bearer token of a ping about this
    question.
    """

    auth_req_id: str = field(repr=False)
    lifetime_s: int
    interval_s: int = _INTERVAL_S
    notification_token: str = field(default="", repr=False)
    ends_monotonic_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.ends_monotonic_s = time.monotonic() + self.lifetime_s

    def is_answered_by(self, authorization: str, body: bytes) -> bool:
        """Whether a notification at your endpoint is the platform's and about this question.

        `authorization` is its header, `body` its content (CIBA Core section 10.2). It says only
        that there is an answer: `collect` it.
        """
        said = json_object(body) or {}
        expected = f"Bearer {self.notification_token}"
        return (
            self.notification_token != ""
            and secrets.compare_digest(authorization.encode(), expected.encode())
            and said.get("auth_req_id") == self.auth_req_id
        )


class Backchannel:
    """Backchannel requests of one application, which must be registered for them.

    Register it by `weir app backchannel`. Errors: OAuthError when the server refuses,
    UnreachableError, ProtocolError.
    """

    def __init__(self, server: AuthorizationServer) -> None:
        self._server = server

    async def ask(
        self,
        *,
        scope: str,
        authorization_details: list[dict[str, Any]],
        binding_message: str,
        login_hint: str | None = None,
        id_token_hint: str | None = None,
        requested_expiry_s: int | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Question:
        """Ask the customer whom one of the hints names, in a signed request (section 7.1.1).

        Show `binding_message` to the customer while you wait: the same words are on the customer's
        page. An accepted question does not imply that such a customer exists.
        """
        token = secrets.token_urlsafe(32)
        request: dict[str, Any] = {
            "iat": int(time.time()),
            "scope": scope,
            "authorization_details": authorization_details,
            "binding_message": binding_message,
            "login_hint": login_hint,
            "id_token_hint": id_token_hint,
            "requested_expiry": None if requested_expiry_s is None else str(requested_expiry_s),
            "client_notification_token": token,
        } | dict(more or {})
        said = {name: value for name, value in request.items() if value is not None}
        body = await self._server.post(
            "backchannel_authentication_endpoint", self._server.signed(said)
        )
        name, lifetime = body.get("auth_req_id"), body.get("expires_in")
        interval = body.get("interval", _INTERVAL_S)
        if not isinstance(name, str) or not _is_time(lifetime) or not _is_time(interval):
            raise ProtocolError("the backchannel answer is not in its form")
        return Question(name, lifetime, interval, token)

    async def collect(self, question: Question) -> Token | None:
        """Return the token once the customer has said yes; None while there is no answer.

        OAuthError `access_denied` when the customer said no, `expired_token` when no answer came in
        time. A token whose answer was lost can be collected again for some minutes.
        """
        form = {"grant_type": _GRANT_TYPE, "auth_req_id": question.auth_req_id}
        try:
            return await self._server.token(form)
        except OAuthError as error:
            if error.error not in _NOT_YET:
                raise
            if error.error == "slow_down":  # section 11: by five seconds
                question.interval_s += _INTERVAL_S
            return None

    async def wait(self, question: Question) -> Token:
        """Poll at the server's pace until the customer has answered. Errors as `collect`.

        An application registered for pings waits for its ping instead, and collects once.
        """
        while True:
            token = await self.collect(question)
            if token is not None:
                return token
            await asyncio.sleep(question.interval_s)


def _is_time(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
