"""`weir agreement`: splits of revenue, proposed, countered, signed and verified."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from weir.cli.failures import CommandError
from weir.cli.files import read_json
from weir.cli.output import AsJson, show_json, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management, folder_of, platform_of

agreement = typer.Typer(no_args_is_help=True)

_COLUMNS: Final = (
    "id", "version", "status", "shares", "proposed_by", "proposed_at", "counters", "effective_at",
)  # fmt: skip

Agreement = Annotated[str, typer.Argument(help="The agreement's identifier, agr_…")]
Product = Annotated[str, typer.Argument(help="The product version's identifier, prd_…")]
TermsFile = Annotated[
    Path | None,
    typer.Option(help="A JSON list of terms (fixed parts, tiers, minimums): see docs/money.md."),
]
Shares = Annotated[
    list[str] | None,
    typer.Option(
        "--share",
        help="PARTY=BASIS POINTS, repeatable, summing to 10000; a party is member, operator,"
        " partner or an organisation's identifier.",
    ),
]
From = Annotated[str | None, typer.Option(help="RFC 3339; default: when all have accepted.")]
BillableCalls = Annotated[
    str,
    typer.Option(help="succeeded, or answered: calls that the member declined are charged too."),
]
RoundingRule = Annotated[
    str, typer.Option(help="Rounding of each line: half_even, half_up, down or up.")
]


@agreement.command("propose")
def propose(
    product: Product,
    share: Shares = None,
    terms: TermsFile = None,
    currency: Annotated[str, typer.Option(help="The currency (ISO 4217).")] = "CNY",
    effective_from: From = None,
    billable: BillableCalls = "succeeded",
    rounding: RoundingRule = "half_even",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Propose how a product's revenue is split, and sign it where your signature is needed."""
    since, shares, credentials = _since(effective_from), _terms(share, terms), _own(profile)
    proposed = call_management(
        profile,
        lambda m: m.agreements.propose(
            product,
            credentials,
            effective_from=since,
            currency=currency,
            shares=shares,
            billable=billable,
            rounding=rounding,
        ),
    )
    _show(proposed, as_json)


@agreement.command("counter")
def counter(
    agreement: Agreement,
    share: Shares = None,
    terms: TermsFile = None,
    effective_from: From = None,
    billable: BillableCalls = "succeeded",
    rounding: RoundingRule = "half_even",
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Answer a proposal with other terms, and sign them where your signature is needed."""
    since, shares, credentials = _since(effective_from), _terms(share, terms), _own(profile)
    proposed = call_management(
        profile,
        lambda m: m.agreements.counter(
            agreement,
            credentials,
            effective_from=since,
            shares=shares,
            billable=billable,
            rounding=rounding,
        ),
    )
    _show(proposed, as_json)


@agreement.command("list")
def list_agreements(
    product: Annotated[
        str | None, typer.Argument(help="A product version, prd_…; default: all products.")
    ] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """List your agreements, newest first, with who proposed each and when."""
    from weir.client.management.requests import collect

    found = call_management(
        profile,
        lambda m: collect(m.agreements.of_product(product) if product else m.agreements.list()),
    )
    show_list(found, _COLUMNS, as_json)


@agreement.command("try")
def try_agreement(
    agreement: Agreement,
    period: Annotated[str, typer.Option(help="A past month such as 2026-11, or TIME/TIME in UTC.")],
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Compute a past period again under a proposal, and compare it with today's terms."""
    tried = call_management(profile, lambda m: m.agreements.trial(agreement, period))
    if as_json:
        show_json(tried)
        return
    print(f"{tried['records']:,} calls in {tried['period']}, {tried['currency']} in minor units:")
    columns = ("party", "today_minor", "proposed_minor", "difference_minor")
    show_list(tried["results"], columns, as_json)


@agreement.command("show")
def show(agreement: Agreement, profile: ProfileName = DEFAULT) -> None:
    """Print a complete agreement, with the terms and signatures that can be verified offline."""
    show_json(call_management(profile, lambda m: m.agreements.get(agreement)))


@agreement.command("accept")
def accept(
    agreement: Agreement,
    read: Annotated[
        Path | None,
        typer.Option(help="The file that `show` printed and you read: sign only its terms."),
    ] = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Accept an agreement for your organisation: sign its terms with your key."""
    terms = None if read is None else _signed(read).terms
    credentials = _own(profile)
    found = call_management(profile, lambda m: m.agreements.accept(agreement, credentials, terms))
    _show(found, as_json)


@agreement.command("sign")
def sign_terms(
    terms: Annotated[Path, typer.Argument(help="The file of terms, downloaded from their page.")],
    profile: ProfileName = DEFAULT,
) -> None:
    """Sign an agreement's terms with your key, offline, and print only the signature."""
    from weir.agreements.signatures import read, terms_of
    from weir.kernel.signed_terms import sign

    try:
        text = terms.read_bytes().decode()
        terms_of(read({"terms": text, "signatures": []}))
    except OSError as error:
        raise CommandError(f"{terms} cannot be read.") from error
    except ValueError as error:
        raise CommandError(f"{terms} does not hold the terms of an agreement.") from error
    credentials = _own(profile)
    print(sign(text, credentials.signing_key, credentials.thumbprint()))


@agreement.command("end")
def end(agreement: Agreement, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Decline a proposal, or end an agreement now."""
    _show(call_management(profile, lambda m: m.agreements.end(agreement)), as_json)


@agreement.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="An agreement, as `weir agreement show` prints it.")],
    authority: Annotated[
        Path | None,
        typer.Option(help="The alliance's root certificate in PEM; default: the profile's copy."),
    ] = None,
    profile: ProfileName = DEFAULT,
) -> None:
    """Check offline that all organisations that the terms need have signed them."""
    from weir.agreements.signatures import check

    ca_file = authority or platform_of(profile).ca_file
    try:
        found = check(_signed(file), ca_file.read_bytes())
    except OSError as error:
        raise CommandError(f"{ca_file} cannot be read.") from error
    except ValueError as error:
        raise CommandError(f"{file}: {error}.") from error
    for organisation, fault in found.faults.items():
        print(f"{organisation}: {fault}.")
    if found.faults:
        print(f"The agreement {found.agreement} is not signed by all.")
        raise typer.Exit(1)
    print(f"The agreement {found.agreement} is signed by all: {', '.join(found.signed_by)}.")


def _show(agreement: dict[str, Any], as_json: bool) -> None:
    """Print an agreement for people, without certificates and terms, which `show` prints."""
    if not as_json:
        signed_by = [each["organisation"] for each in agreement["signatures"]]
        shown = {name: each for name, each in agreement.items() if name != "terms"}
        agreement = {**shown, "signatures": signed_by}
    show_one(agreement, as_json)


def _own(profile: str) -> Any:
    from weir.client import Profile

    return Profile.load(folder_of(profile)).credentials


def _since(effective_from: str | None) -> str:
    return effective_from or datetime.now(UTC).isoformat(timespec="seconds")


def _signed(file: Path) -> Any:
    """Read the terms and signatures from a file that `show` printed. CommandError."""
    from weir.agreements.signatures import read

    try:
        return read(read_json(file))
    except ValueError as error:
        raise CommandError(f"{file}: {error}.") from error


def _terms(share: list[str] | None, terms: Path | None) -> list[dict[str, Any]]:
    """Return shares as the API takes them, from options and from a JSON file. CommandError."""
    shares = [_share(each) for each in share or []]
    if terms is None:
        return shares
    try:
        read = read_json(terms)
    except ValueError as error:
        raise CommandError(f"{terms} is not JSON.") from error
    if not isinstance(read, list) or not all(isinstance(each, dict) for each in read):
        raise CommandError(f"{terms} is not a list of terms; see docs/money.md.")
    return [*shares, *read]


def _share(text: str) -> dict[str, Any]:
    """Return the share of `PARTY=BASIS POINTS`."""
    party, equals, weight = text.partition("=")
    if not equals or not (weight.isascii() and weight.isdigit() and len(weight) <= 5):
        raise typer.BadParameter(f"{text} is not PARTY=BASIS POINTS, for example member=7000")
    return {"party": party, "weight": int(weight)}
