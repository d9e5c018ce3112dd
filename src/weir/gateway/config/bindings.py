"""Descriptions of bound values: where a call carries a value that a consent is checked against.

The snapshot holds descriptions; `phases/bound_values.py` reads the values from a call.
"""

from __future__ import annotations

from typing import Final, final

PATH: Final = "path"  # a parameter of the path template
QUERY: Final = "query"
HEADER: Final = "header"
BODY: Final = "body"  # a JSON pointer (RFC 6901)


@final
class Reference:
    """The description of one bound value.

    `text` is the reference as the product's document publishes it; `name` the parameter's name,
    `key` its bytes as they stand in a query or, lowered, in a head; `steps` the unescaped steps of
    a JSON pointer (RFC 6901 section 4).
    """

    __slots__ = ("key", "kind", "name", "steps", "text")

    def __init__(self, text: str, kind: str, name: str) -> None:
        self.text = text
        self.kind = kind
        self.name = name
        self.key = (name.lower() if kind == HEADER else name).encode()
        steps = name[1:].split("/") if kind == BODY else []
        self.steps = [step.replace("~1", "/").replace("~0", "~") for step in steps]


def compile_reference(text: str | None) -> Reference | None:
    """Turn `path:x`, `query:x`, `header:x` or `body:/ptr` into its description.

    None stays None. ValueError for anything else.
    """
    if text is None:
        return None
    kind, _, name = text.partition(":")
    if not name or kind not in (PATH, QUERY, HEADER, BODY):
        raise ValueError("a binding is not of the form kind:name")
    if kind == BODY and not name.startswith("/"):
        raise ValueError("a body binding is not a JSON pointer")
    return Reference(text, kind, name)
