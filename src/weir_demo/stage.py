"""State of the story, which each chapter reads and adds to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from weir.cli.installation import Installation
from weir.client.authorization import AuthorizationServer
from weir.client.credentials import Credentials
from weir.client.exchange import Exchange
from weir.client.management.management import Management
from weir.client.platform import Platform
from weir.client.profile import Profile
from weir.client.tokens import Token
from weir_demo.browser import Browser
from weir_demo.cast import Institution, Partner
from weir_demo.figures import Figures
from weir_demo.tally import Tally

# Opens a progress bar for a number of steps; yields a function to report how many are done.
Progress = Callable[[int], AbstractContextManager[Callable[[int], None]]]


@dataclass(slots=True)
class Running:
    """A running model institution: its port, its document and its staff's certificate."""

    institution: Institution
    port: int
    document: bytes
    staff_certificate: Path
    staff_key: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


@dataclass(slots=True)
class Member:
    """An admitted institution, acting through its own application, which may also call.

    A partner that brings a service in provides it in the same way.
    """

    running: Running
    organisation: str
    management: Management
    staff: Exchange
    exchange: Exchange
    server: AuthorizationServer
    products: dict[str, dict[str, Any]] = field(default_factory=dict)  # by slug


@dataclass(slots=True)
class Caller:
    """A partner's application: its profile, its connections, its authorization server."""

    partner: Partner
    profile: Profile
    exchange: Exchange
    server: AuthorizationServer
    organisation: str
    own_token: Token | None = None


@dataclass(slots=True)
class Customer:
    """A customer of one institution with a sign-in and a browser."""

    member: str
    reference: str
    name: str
    sign_in_name: str
    passphrase: str
    browser: Browser


@dataclass(slots=True)
class Consented:
    """A consent as the partner holds it: the token, with the accounts the customer chose."""

    caller: Caller
    customer: Customer
    token: Token

    @property
    def accounts(self) -> list[str]:
        return self.token.accounts()


@dataclass(frozen=True, slots=True)
class Employee:
    """A person who works for a party: a browser, signed in, the sign-in, the codes' secret."""

    browser: Browser
    name: str
    passphrase: str
    secret: str


@dataclass(slots=True)
class Stage:
    """State of the whole story. `resources` closes everything that was opened on the way."""

    installation: Installation
    platform: Platform
    institutions: list[Running]
    calls_wanted: int
    resources: AsyncExitStack
    progress: Progress
    figures: Figures = field(default_factory=Figures)
    tally: Tally = field(default_factory=Tally)
    operator: Management | None = None
    founder: Employee | None = None  # the operator's first owner
    founding: Management | None = None  # the API for the founder, who proved it at `proven_s`
    proven_s: float = 0.0  # monotonic
    operator_organisation: str = ""
    invitations: list[tuple[str, str]] = field(default_factory=list)  # (person, one-time link)
    first_links: dict[str, str] = field(default_factory=dict)  # of people who join, by party
    members: dict[str, Member] = field(default_factory=dict)
    brought_in: dict[str, Member] = field(default_factory=dict)  # partners as providers
    callers: dict[str, Caller] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    consents: dict[str, Consented] = field(default_factory=dict)
    opened_at: datetime | None = None
    calls_per_s: int = 0

    @property
    def providers(self) -> dict[str, Member]:
        """Every party whose services are called, by slug."""
        return {**self.members, **self.brought_in}

    @property
    def operating(self) -> Management:
        """The management API for the operator's application, after the founding."""
        assert self.operator is not None, "the alliance is not founded yet"
        return self.operator

    def credentials(self, name: str) -> Credentials:
        """Return a party's key and certificate."""
        return Profile.load(self.profile_folder(name)).credentials

    def profile_folder(self, name: str) -> Path:
        """Return the folder of a party's profile, under the name that the commands use."""
        return self.installation.home.folder("profiles") / name
