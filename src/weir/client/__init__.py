"""The client of a partner: its keys, the authorization server, and calls to products.

```python
profile = Profile.load(Path("profiles/river-mall"))
async with profile.exchange() as exchange:
    server = await AuthorizationServer.discover(profile.platform, profile.credentials, exchange)
    session = Session.of_application(profile.platform, exchange, server, "spring.quotes")
    answer = await session.call("GET", "/spring/quotes/v1/quotes")
```

Names load when they are first used, so that a command that needs one does not pay for all.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from weir.client.authorization import AuthorizationServer, PushedRequest
    from weir.client.backchannel import Backchannel, Question
    from weir.client.call_log import CallLog
    from weir.client.credentials import Credentials
    from weir.client.errors import (
        InstitutionError,
        OAuthError,
        ProtocolError,
        RefusedError,
        UnreachableError,
        WeirError,
    )
    from weir.client.exchange import Answer, Exchange
    from weir.client.grants import Grant, Grants
    from weir.client.identities import (
        CallerIdentity,
        IdentityChecker,
        IdentityError,
        IdentityFault,
        ReceivedRequest,
    )
    from weir.client.management.management import Management
    from weir.client.messages import MessageSigner
    from weir.client.platform import Platform
    from weir.client.possession import DpopKey
    from weir.client.profile import Profile
    from weir.client.published_keys import PublishedKeys
    from weir.client.session import RetryPolicy, Session
    from weir.client.tokens import Token, TokenKeeper

_MODULES: Final = {
    "AuthorizationServer": "authorization",
    "PushedRequest": "authorization",
    "Backchannel": "backchannel",
    "Question": "backchannel",
    "CallLog": "call_log",
    "CallerIdentity": "identities",
    "Credentials": "credentials",
    "IdentityChecker": "identities",
    "IdentityError": "identities",
    "IdentityFault": "identities",
    "InstitutionError": "errors",
    "OAuthError": "errors",
    "ProtocolError": "errors",
    "RefusedError": "errors",
    "UnreachableError": "errors",
    "WeirError": "errors",
    "Answer": "exchange",
    "Exchange": "exchange",
    "Grant": "grants",
    "Grants": "grants",
    "Management": "management.management",
    "MessageSigner": "messages",
    "Platform": "platform",
    "DpopKey": "possession",
    "Profile": "profile",
    "PublishedKeys": "published_keys",
    "ReceivedRequest": "identities",
    "RetryPolicy": "session",
    "Session": "session",
    "Token": "tokens",
    "TokenKeeper": "tokens",
}

__all__ = [
    "Answer",
    "AuthorizationServer",
    "Backchannel",
    "CallLog",
    "CallerIdentity",
    "Credentials",
    "DpopKey",
    "Exchange",
    "Grant",
    "Grants",
    "IdentityChecker",
    "IdentityError",
    "IdentityFault",
    "InstitutionError",
    "Management",
    "MessageSigner",
    "OAuthError",
    "Platform",
    "Profile",
    "ProtocolError",
    "PublishedKeys",
    "PushedRequest",
    "Question",
    "ReceivedRequest",
    "RefusedError",
    "RetryPolicy",
    "Session",
    "Token",
    "TokenKeeper",
    "UnreachableError",
    "WeirError",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"weir.client has no {name}")
    return getattr(import_module(f"weir.client.{_MODULES[name]}"), name)
