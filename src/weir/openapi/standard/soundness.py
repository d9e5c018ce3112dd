"""Rule for the document as a whole: it can be judged within the bound of steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from weir.openapi.standard.document_view import Reading
from weir.openapi.standard.rules import Checked, Place, Rule


def document_is_not_tangled(reading: Reading) -> Iterator[Place]:
    if not reading.is_whole:
        yield "", reading.document["info"]["title"][:40]


CHECKS: Final[tuple[Checked, ...]] = (
    (
        Rule(
            "document-tangled",
            "error",
            "The schemas can be walked within the platform's bound of steps.",
            "文档结构可在平台限定的步数内遍历完毕。",
            "References that multiply each other can make a small document endless work.",
            "引用层层相乘，会使很小的文档也耗费大量计算。",
            "Split the document, or let operations share fewer large schemas.",
            "拆分文档，或减少各操作共用的大型结构。",
            "weir",
        ),
        document_is_not_tangled,
    ),
)
