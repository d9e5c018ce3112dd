"""Addresses of the consent page and of the customer's own pages."""

from __future__ import annotations

from typing import Final

from weir.portal.consents import consent_page, my_consents, my_questions
from weir.portal.renderer import Page

AUTH: Final[tuple[Page, ...]] = (
    ("/interactions/{interaction}", "GET", consent_page.show),
    ("/interactions/{interaction}", "POST", consent_page.send),
)
PORTAL: Final[tuple[Page, ...]] = (
    ("/my/consents", "GET", my_consents.show_list),
    ("/my/consents/{consent}", "GET", my_consents.show),
    ("/my/consents/{consent}", "POST", my_consents.send),
    ("/my/questions", "GET", my_questions.show_list),
    ("/my/questions/{consent}", "GET", my_questions.show),
    ("/my/questions/{consent}", "POST", my_questions.send),
)
