"""The whole platform on real processes, and a small alliance built through its management API.

What the demo needs for its alliance is used here too: one way to found, admit, publish and consent.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from keep_alive import Connection

from logs import logs_of
from ports import own_ports
from waits import PATIENCE_S, until
from weir.app.core import Core, open_core
from weir.app.settings import Settings
from weir.cli.health import is_ready
from weir.cli.installation import Installation, Role
from weir.client.management.management import Management
from weir.client.platform import Platform
from weir.client.pricing import per_call
from weir.client.trust import tls_context
from weir.kernel import identifiers
from weir.kernel.outcomes import Refusal
from weir.kernel.settings import PREFIX
from weir.keys.authority import Authority
from weir.keys.vault import Vault, b64url
from weir.metering.lake import manifest
from weir.metering.lake.lake import Lake
from weir.metering.records.records import CallRecord
from weir.metering.records.segments import pending_records, streams
from weir.store.engines.process import ProcessIdentity
from weir_demo import consents, parties
from weir_demo import shelf as demo_shelf
from weir_demo.boot import Boot, start_institutions
from weir_demo.cast import ACCOUNT_ACCESS, CURRENCY, INSTITUTIONS, Institution, Partner
from weir_demo.stage import Caller, Consented, Customer, Member, Running, Stage

BANK = INSTITUTIONS[0]
ACCOUNTS = "river-bank.accounts"
PAYMENTS = "river-bank.payments"
_TEND_S = 0.05


def start(installation: Installation) -> None:
    """Start it; if it does not come up its logs say why."""
    try:
        installation.start(lambda _: None)
    except Refusal as refusal:
        raise AssertionError(logs_of(installation.home.path)) from refusal


@contextmanager
def booted(institutions: Sequence[Institution] = (BANK,), customers: int = 40) -> Iterator[Boot]:
    """Start a platform in a home of its own. From the main thread, and outside a running loop."""
    folder = Path(tempfile.mkdtemp(prefix="weir-test-", dir="/tmp"))
    folder.chmod(0o711)  # the engines' user passes through
    public, mtls = own_ports(2)
    installation = Installation(
        replace(
            Settings(),
            public_port=public,
            mtls_port=mtls,
            gateway_processes=2,
            partner_networks="127.0.0.1/32",
        ),
        home_path=folder / "home",
    )
    with pytest.MonkeyPatch.context() as patched:
        for name in [each for each in os.environ if each.startswith(PREFIX)]:
            patched.delenv(name)  # roles are given the environment; it is not about this home
        start(installation)
        boot = Boot(installation)
        try:
            start_institutions(boot, institutions, customers)
            yield boot
        finally:
            boot.stop()
            shutil.rmtree(folder)


@dataclass
class World:
    """The platform and its alliance, as the tests reach them."""

    boot: Boot
    stage: Stage
    core: Core
    vault: Vault
    authority: Authority
    folder: Path
    _contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)
    _thumbprints: dict[Path, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    @property
    def installation(self) -> Installation:
        return self.boot.installation

    @property
    def bank(self) -> Member:
        return self.stage.members[BANK.slug]

    @property
    def bank_url(self) -> str:
        """The bank's own database."""
        assert self.installation.postgres is not None
        return self.installation.postgres.url(f"sandbox_{BANK.slug.replace('-', '_')}")

    @property
    def bank_process(self) -> int:
        return self.boot.children[0].pid

    @property
    def operator(self) -> Management:
        return self.stage.operating

    @property
    def lake(self) -> Lake:
        return Lake(self.core.lake_url)

    async def ask(self, question: Callable[..., Any], *values: Any) -> Any:
        """Ask the lake a question of `weir.metering.lake.queries`, over the files to be read."""
        try:
            files = await self._lake_files()
        except Refusal:  # the first to ask after PostgreSQL was gone finds a dead connection
            files = await self._lake_files()
        return await asyncio.to_thread(question, self.lake, files, *values)

    async def _lake_files(self) -> list[str]:
        async with self.core.database.connect() as connection:
            return await manifest.list_files(connection)

    # --- the alliance --------------------------------------------------------------------------

    async def member(self, running: Running) -> Member:
        """Admit an institution, put what it offers on the shelf, and agree on the splits."""
        await parties.admit_member(self.stage, running)
        member = self.stage.members[running.institution.slug]
        await demo_shelf.stock(member)
        for offer in running.institution.offers:
            await demo_shelf.split(self.stage, member, member.products[offer.slug], offer)
        return member

    async def partner(self, slug: str, *products: str, **terms: Any) -> Caller:
        """Admit a partner with one application, subscribed to products (`owner.product`)."""
        partner = Partner(
            slug,
            slug,
            f"伙伴 {slug}",
            "software_vendor",
            "tls_client_auth",
            ("data", "payments"),
            (),
        )
        await parties.admit_partner(self.stage, partner)
        caller = self.stage.callers[slug]
        for product in products:
            await self.subscribe(caller, product, **terms)
        return caller

    async def subscribe(self, caller: Caller, product: str, **terms: Any) -> None:
        """Offer a plan on these terms, ask for it, and approve."""
        owner, _, slug = product.partition(".")
        owning = self.stage.members[owner].management
        plan = await owning.plans.offer(
            self.stage.members[owner].products[slug]["id"],
            name=f"for-{caller.partner.slug}",
            currency=CURRENCY,
            **{"pricing": per_call("0.05"), **terms},
        )
        async with Management.open(caller.profile) as management:
            asked = await management.subscriptions.request(
                caller.profile.credentials.client_id, plan["id"]
            )
        await owning.subscriptions.act(asked["id"], "approve")
        await self._known_everywhere()

    async def customer(self) -> Customer:
        """A person of the bank's world with a sign-in of their own."""
        reference, name = await consents.pick(self.bank, "individual", self._taken)
        enrolled = await self.bank.management.customers.enrol(reference, name)
        return await consents.welcome(self.stage, BANK.slug, reference, name, enrolled["link"])

    async def consent(self, caller: Caller, customer: Customer) -> Consented:
        """The customer's yes to reading balances, given on the real pages."""
        details = consents.access(
            BANK.slug, ("ReadAccounts", "ReadBalances"), "See your balance", timedelta(days=1)
        )
        return await consents.ask(caller, customer, ACCOUNTS, details)

    async def _known_everywhere(self) -> None:
        """Wait until every gateway has applied what was published so far."""
        newest = await self.sql("SELECT max(sequence) FROM changes")
        behind = (
            "SELECT count(*) FROM processes WHERE role = 'gateway'"
            " AND lease_until > clock_timestamp() AND applied_sequence < %s"
        )

        async def applied() -> bool:
            return (await self.sql(behind, newest[0][0]))[0][0] == 0

        await until(applied)

    # --- tokens --------------------------------------------------------------------------------

    async def token(
        self,
        caller: Caller,
        scope: str,
        details: dict[str, Any] | None = None,
        consent: str | None = None,
    ) -> str:
        """An access token by the platform's own key, for consents that no page was visited for.

        It holds what `weir.authorization.tokens.access_tokens` puts in it. Where thousands of
        customers would have to say yes one after the other, the yes itself is not what is being
        tried.
        """
        now_s = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.stage.platform.issuer,
            "sub": caller.profile.credentials.client_id,
            "aud": ["https://api.localhost"],
            "client_id": caller.profile.credentials.client_id,
            "org": caller.organisation,
            "iat": now_s,
            "exp": now_s + 300,
            "jti": self.mint("tok"),
            "scope": scope,
            "cnf": {"x5t#S256": self.thumbprint(caller)},
        }
        if details is not None:
            claims |= {"authorization_details": [details], "grant_id": consent}
            claims["record_name"] = recorded_name(str(consent))
        return await self.vault.sign_jwt(claims, "at+jwt")

    def thumbprint(self, caller: Caller) -> str:
        """`x5t#S256` of the application's certificate (RFC 8705 section 3.1)."""
        path = caller.profile.credentials.certificate_file
        if path not in self._thumbprints:
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
            self._thumbprints[path] = b64url(certificate.fingerprint(SHA256()))
        return self._thumbprints[path]

    def mint(self, prefix: str) -> str:
        return identifiers.mint(prefix, int(time.time() * 1000), os.urandom(10))

    # --- connections and processes -------------------------------------------------------------

    async def connect(self, caller: Caller) -> Connection:
        """A connection to whichever gateway process takes it; BROKEN when none does."""
        return await Connection.open(self.installation.settings.mtls_port, self._context(caller))

    async def connect_everywhere(self, caller: Caller) -> dict[int, Connection]:
        """A connection to every gateway process, by process id."""
        found: dict[int, Connection] = {}
        while len(found) < len(self.gateways):
            connection = await self.connect(caller)
            pid = self.process_behind(connection)
            if found.setdefault(pid, connection) is not connection:
                connection.close()
        return found

    def process_behind(self, connection: Connection) -> int:
        """The process that holds the other end of a connection, as the kernel knows it."""
        ends = (self.installation.settings.mtls_port, connection.local_port)
        for each in psutil.net_connections("tcp"):
            if each.laddr and each.raddr and (each.laddr.port, each.raddr.port) == ends:
                assert each.pid is not None
                return each.pid
        raise AssertionError("nobody holds the other end")

    def _context(self, caller: Caller) -> ssl.SSLContext:
        credentials = caller.profile.credentials
        if credentials.client_id not in self._contexts:
            self._contexts[credentials.client_id] = tls_context(
                self.stage.platform.ca_file, credentials.certificate_file, credentials.key_file
            )
        return self._contexts[credentials.client_id]

    @property
    def gateways(self) -> list[Role]:
        return [role for role in self.installation.roles if role.name == "gateway"]

    def role(self, name: str) -> Role:
        return next(role for role in self.installation.roles if role.name == name)

    def is_ready(self, role: Role) -> bool:
        alive = role.child is not None and role.child.alive()
        return alive and is_ready(self.installation.home, role.label)

    def kill(self, role: Role) -> None:
        """`kill -9`."""
        assert role.child is not None
        os.kill(role.child.pid, signal.SIGKILL)

    def engine_pid(self, name: str) -> int:
        """The main process of `postgres` or `valkey`."""
        identity = ProcessIdentity.load(self.installation.home.path / name / "server.json")
        assert identity is not None
        return identity.pid

    def kill_valkey(self) -> None:
        """`kill -9`, and wait until it is gone."""
        assert self.installation.valkey is not None
        os.kill(self.engine_pid("valkey"), signal.SIGKILL)
        while self.installation.valkey.alive():
            time.sleep(0.01)

    @asynccontextmanager
    async def tending(self) -> AsyncIterator[None]:
        """What `weir up` does all day: start again what has died. At the end all is ready."""
        over = asyncio.Event()

        async def tend() -> None:
            while not over.is_set():
                self.installation.restart_dead()
                await asyncio.sleep(_TEND_S)

        task = asyncio.create_task(tend())
        try:
            yield
            await self.await_ready()
        finally:
            over.set()
            await task

    async def await_ready(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not self._all_ready():
                await asyncio.sleep(_TEND_S)

    def _all_ready(self) -> bool:
        engines = (self.installation.postgres, self.installation.valkey)
        alive = all(engine is not None and engine.alive() for engine in engines)
        return alive and all(self.is_ready(role) for role in self.installation.roles)

    # --- looking inside ------------------------------------------------------------------------

    async def sql(self, statement: str, *values: Any) -> list[Any]:
        """Ask the platform's database, past the platform."""
        return await asyncio.to_thread(
            _ask, str(self.core.settings.database_url), statement, values
        )

    async def bank_sql(self, statement: str, *values: Any) -> list[Any]:
        """Ask the bank's own database, past everybody."""
        return await asyncio.to_thread(_ask, self.bank_url, statement, values, "river_bank")

    def recorded(self, interaction_id: str) -> list[CallRecord]:
        """The records of one call in the files of all streams, sealed or open, right now."""
        folder = self.core.records_folder
        return [
            record
            for stream in streams(folder)
            for record in pending_records(folder, stream, 0)
            if record.interaction_id == interaction_id
        ]


def _ask(url: str, statement: str, values: Sequence[Any], schema: str | None = None) -> list[Any]:
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        if schema is not None:
            connection.execute(f"SET search_path TO {schema}")
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


@asynccontextmanager
async def opened(boot: Boot) -> AsyncIterator[World]:
    """Found the alliance, admit the institutions that run, and fill the shelf."""
    installation = boot.installation
    settings = installation.settings
    async with (
        AsyncExitStack() as resources,
        open_core(settings, installation.home, connections=4) as core,
    ):
        stage = Stage(
            installation=installation,
            platform=Platform.at(
                installation.tls.root, settings.domain, settings.public_port, settings.mtls_port
            ),
            institutions=boot.institutions,
            calls_wanted=0,
            resources=resources,
            progress=lambda _: nullcontext(lambda _: None),
            opened_at=datetime.now(UTC).replace(microsecond=0),
        )
        await parties.found(stage)
        world = World(
            boot=boot,
            stage=stage,
            core=core,
            vault=await Vault.open(core.database, core.sealing),
            authority=await Authority.open(core.database, core.sealing),
            folder=installation.home.folder("tests"),
        )
        for running in boot.institutions:
            await world.member(running)
        yield world


def recorded_name(consent: str) -> str:
    """What the records name a consent of `World.token` by."""
    return consent.replace("cns_", "rec_")


def account_access(member: str, accounts: list[str]) -> dict[str, Any]:
    """A granted entry of `authorization_details` for reading."""
    return {
        "type": ACCOUNT_ACCESS,
        "member": member,
        "permissions": ["ReadAccounts", "ReadBalances"],
        "purpose": "See your balance",
        "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        "accounts": accounts,
    }
