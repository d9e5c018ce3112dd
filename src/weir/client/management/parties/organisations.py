"""Organisations: members and partners of the alliance, and its operator."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weir.client.management.requests import Document, Requests, quote_segment


class Organisations:
    """Operations on organisations. Names are identifiers or slugs."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def list(self, kind: str | None = None) -> AsyncIterator[Document]:
        """List every organisation of the alliance; `kind` is operator, member or partner."""
        return self._requests.pages("/v1/organisations", kind=kind)

    async def get(self, name: str) -> Document:
        """Get one organisation, by identifier or slug."""
        return await self._requests.get(f"/v1/organisations/{quote_segment(name)}")

    async def admit_member(
        self,
        *,
        slug: str,
        name_en: str,
        name_zh: str,
        licence_kind: str,
        institution_code: str | None = None,
        directory_url: str | None = None,
    ) -> Document:
        """Admit a licensed institution: `licence_kind` is bank, insurer or securities."""
        given = {
            "slug": slug,
            "name_en": name_en,
            "name_zh": name_zh,
            "licence_kind": licence_kind,
            "institution_code": institution_code,
            "directory_url": directory_url,
        }
        return await self._requests.post("/v1/members", given)

    async def admit_partner(
        self,
        *,
        slug: str,
        name_en: str,
        name_zh: str,
        partner_class: str,
        institution_code: str | None = None,
    ) -> Document:
        """Admit a partner of one of the five classes."""
        given = {
            "slug": slug,
            "name_en": name_en,
            "name_zh": name_zh,
            "partner_class": partner_class,
            "institution_code": institution_code,
        }
        return await self._requests.post("/v1/partners", given)

    async def suspend(self, name: str) -> Document:
        """Stop an organisation at every gateway; returns once that is so (`effective_at`)."""
        return await self._requests.post(f"/v1/organisations/{quote_segment(name)}/suspend")

    async def resume(self, name: str) -> Document:
        """Undo an organisation's suspension."""
        return await self._requests.post(f"/v1/organisations/{quote_segment(name)}/resume")

    async def open_production(self, name: str) -> Document:
        """Let an organisation that signed up use products beyond the sandbox."""
        return await self._requests.post(f"/v1/organisations/{quote_segment(name)}/production")
