"""Declarations of openapi; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from typing import Final

from weir.kernel.declarations import SHELF_PANEL, Command
from weir.kernel.outcomes import Outcome

# --- Refusals ---
DOCUMENT_TOO_LARGE: Final = Outcome(
    "document_too_large", 413, "The document is larger than the limit.", "文档超过大小上限。"
)
DOCUMENT_UNREADABLE: Final = Outcome(
    "document_unreadable",
    422,
    "The document is neither valid JSON nor valid YAML.",
    "文档不是有效的 JSON 或 YAML。",
)
DOCUMENT_INVALID: Final = Outcome(
    "document_invalid",
    422,
    "The document is not an OpenAPI 2.0, 3.0 or 3.1 document this shelf can take.",
    "文档不是货架可接受的 OpenAPI 2.0、3.0 或 3.1 文档。",
)

# --- Limits ---
# OpenAPI documents
DOCUMENT_BYTES: Final = 8 * 1024 * 1024
DOCUMENT_DEPTH: Final = 200
DOCUMENT_NODES: Final = 200_000  # after YAML aliases are expanded
DOCUMENT_OPERATIONS: Final = 10_000
DOCUMENT_NAME_CHARACTERS: Final = 1_024  # of a member's name, a path, an operation's id
DOCUMENT_REFERENCE_HOPS: Final = 10  # references that lead to references
STANDARD_STEPS: Final = 1_000_000  # schemas looked at when one document is held to the standard
STANDARD_PLACES: Final = 1_000  # named for one rule of the standard; more are not looked for
STANDARD_FINDINGS: Final = 10_000  # of one document, or of one comparison

# --- Commands ---
COMMANDS: Final = {
    "lint": Command("products.lint:lint", "Check an OpenAPI document offline.", panel=SHELF_PANEL),
}
