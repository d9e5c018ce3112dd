"""Addresses of the public pages of the shelf."""

from __future__ import annotations

from typing import Final

from weir.portal.renderer import Page
from weir.portal.shelf import home, product_page, reference_page, search_page, tour

PORTAL: Final[tuple[Page, ...]] = (
    ("/", "GET", home.home),
    ("/tour", "GET", tour.show),
    ("/members", "GET", home.members),
    ("/shelf", "GET", search_page.search),
    ("/shelf/{owner}/{product}", "GET", product_page.show),
    ("/shelf/{owner}/{product}/versions", "GET", product_page.versions),
    ("/shelf/{owner}/{product}/openapi.json", "GET", reference_page.openapi),
    ("/shelf/{owner}/{product}/postman.json", "GET", reference_page.collection),
    ("/shelf/{owner}/{product}/{operation:path}", "GET", reference_page.show),
)
