"""Addresses of the desk's pages on products, with the functions that show them and take forms."""

from __future__ import annotations

from typing import Final

from weir.portal.desk.desk import DeskPage
from weir.portal.products import backends, documents, products, subscriptions

DESK: Final[tuple[DeskPage, ...]] = (
    ("/desk/subscriptions", subscriptions.show_list, subscriptions.act),
    ("/desk/subscriptions/new", subscriptions.show_new, subscriptions.request),
    ("/desk/documents", documents.show_list, None),
    ("/desk/documents/new", documents.show_new, documents.import_document),
    ("/desk/documents/{document}", documents.show, None),
    ("/desk/backends", backends.show_list, None),
    ("/desk/backends/new", backends.show_new, backends.register),
    ("/desk/backends/{backend}", backends.show, backends.act),
    ("/desk/products", products.show_list, None),
    ("/desk/products/new", products.show_new, products.draft),
    ("/desk/products/{product}", products.show, products.act),
)
