"""`weir member` and `weir partner`: the organisations of the alliance."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import typer

from weir.cli.output import AsJson, show_list, show_one
from weir.cli.profiles import DEFAULT, ProfileName, call_management, configured_platform

member = typer.Typer(no_args_is_help=True)
partner = typer.Typer(no_args_is_help=True)

_COLUMNS: Final = ("slug", "name_en", "name_zh", "status", "id")
Slug = Annotated[str, typer.Argument(help="The short name in addresses, for example river-bank.")]
Name = Annotated[str, typer.Argument(help="An identifier or a slug.")]
NameEn = Annotated[str, typer.Option(help="The name in English.")]
NameZh = Annotated[str, typer.Option(help="The name in Chinese.")]
Code = Annotated[str | None, typer.Option(help="The supervisor's code for it, or its LEI.")]


@member.command("admit")
def admit_member(
    slug: Slug,
    name_en: NameEn,
    name_zh: NameZh,
    licence_kind: Annotated[str, typer.Option(help="bank, insurer or securities.")],
    directory_url: Annotated[
        str | None, typer.Option(help="The https address of its account directory.")
    ] = None,
    institution_code: Code = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Admit a licensed institution: a bank, an insurer or a securities firm."""
    admitted = call_management(
        profile,
        lambda m: m.organisations.admit_member(
            slug=slug,
            name_en=name_en,
            name_zh=name_zh,
            licence_kind=licence_kind,
            institution_code=institution_code,
            directory_url=directory_url,
        ),
    )
    show_one(admitted, as_json)


@partner.command("admit")
def admit_partner(
    slug: Slug,
    name_en: NameEn,
    name_zh: NameZh,
    partner_class: Annotated[
        str,
        typer.Option(
            help="internet_platform, software_vendor, data_service_provider, supply_chain_party"
            " or pe_vc_institution."
        ),
    ],
    institution_code: Code = None,
    profile: ProfileName = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Admit a partner of one of the five classes."""
    admitted = call_management(
        profile,
        lambda m: m.organisations.admit_partner(
            slug=slug,
            name_en=name_en,
            name_zh=name_zh,
            partner_class=partner_class,
            institution_code=institution_code,
        ),
    )
    show_one(admitted, as_json)


@member.command("list")
def list_members(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the members of the alliance."""
    _list("member", ("licence_kind",), profile, as_json)


@partner.command("list")
def list_partners(profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """List the partners of the alliance."""
    _list("partner", ("partner_class",), profile, as_json)


@member.command("show")
@partner.command("show")
def show(name: Name, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Show one organisation."""
    show_one(call_management(profile, lambda m: m.organisations.get(name)), as_json)


@member.command("suspend")
@partner.command("suspend")
def suspend(name: Name, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Suspend an organisation at every gateway, and print the time when that was done."""
    show_one(call_management(profile, lambda m: m.organisations.suspend(name)), as_json)


@member.command("resume")
@partner.command("resume")
def resume(name: Name, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Resume a suspended organisation."""
    show_one(call_management(profile, lambda m: m.organisations.resume(name)), as_json)


@partner.command("production")
@member.command("production")
def production(name: Name, profile: ProfileName = DEFAULT, as_json: AsJson = False) -> None:
    """Let an organisation that signed up use products outside the sandbox."""
    show_one(call_management(profile, lambda m: m.organisations.open_production(name)), as_json)


@partner.command("sign-up")
def sign_up(
    name_en: Annotated[str, typer.Argument(help="The organisation's name in English.")],
    partner_class: Annotated[str, typer.Option(help="One of the classes of `weir partner admit`.")],
    person: Annotated[str, typer.Option(help="Your name.")],
    sign_in_name: Annotated[str, typer.Option(help="The name you sign in with.")],
    passphrase: Annotated[str, typer.Option(prompt=True, hide_input=True)],
    name_zh: Annotated[str, typer.Option(help="The organisation's name in Chinese.")] = "",
    as_json: AsJson = False,
) -> None:
    """Register a partner in the sandbox, without a profile. Its owner signs in at the portal."""
    from weir.client.sign_up import sign_up as register

    told = {
        "name_en": name_en,
        "name_zh": name_zh or name_en,
        "partner_class": partner_class,
        "display_name": person,
        "name": sign_in_name,
        "passphrase": passphrase,
    }
    made = asyncio.run(register(configured_platform(), **told))
    show_one(made["organisation"], as_json)


def _list(kind: str, columns: tuple[str, ...], profile: str, as_json: bool) -> None:
    from weir.client.management.requests import collect

    found = call_management(profile, lambda m: collect(m.organisations.list(kind)))
    show_list(found, (*_COLUMNS[:-1], *columns, _COLUMNS[-1]), as_json)
