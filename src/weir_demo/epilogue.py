"""The end of the story: the caller's own count, versions, addresses, and sign-ins."""

from __future__ import annotations

from weir.client.authorization import METADATA_PATH
from weir_demo.stage import Stage


def gather(stage: Stage) -> None:
    """Add the caller's own count, the engines' own versions and the addresses to the figures."""
    figures, tally = stage.figures, stage.tally
    installation = stage.installation
    figures.surprises = tally.surprises
    figures.calls = {
        "sent": tally.sent,
        "answered": tally.answered,
        "refused": dict(sorted(tally.refused.items())),
        "calls_per_s": stage.calls_per_s,
        "latency_ms": {
            "min": tally.percentile_ms(0),
            "p50": tally.percentile_ms(0.5),
            "p99": tally.percentile_ms(0.99),
        },
    }
    assert installation.postgres is not None
    assert installation.valkey is not None
    figures.engines = {
        "postgresql": installation.postgres.status().version or "does not answer",
        "valkey": installation.valkey.status().version or "does not answer",
    }
    platform = stage.platform
    figures.addresses = {
        "portal": f"{platform.portal_origin}/",
        "shelf": f"{platform.portal_origin}/shelf",
        "members": f"{platform.portal_origin}/members",
        "my_consents": f"{platform.portal_origin}/my/consents",
        "statements": f"{platform.portal_origin}/statements",
        "authorization": platform.issuer + METADATA_PATH,
        "management_api": f"{platform.manage_origin}/v1/openapi.json",
        "api": f"{platform.api_origin}/",
        "root_certificate": str(platform.ca_file),
        "home": str(installation.home.path),
    }


def sign_ins(stage: Stage) -> list[tuple[str, str, str]]:
    """Return (description, name, passphrase or one-time link) of every sign-in at the portal."""
    titles = {slug: member.running.institution.name_en for slug, member in stage.members.items()}
    customers = [
        (f"A customer of {titles[each.member]}", each.sign_in_name, each.passphrase)
        for each in stage.customers.values()
    ]
    links = [(f"{who} (a one-time link)", "", link) for who, link in stage.invitations]
    return [*links, *customers]
