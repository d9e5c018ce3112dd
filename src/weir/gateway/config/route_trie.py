"""A trie of path segments a method, which leads from a path to its operation.

Its cost is that of the path, however large the shelf. A static segment beats a parameter ("concrete
before templated", OpenAPI 3.1 section 4.8.8.2); where the static branch ends in nothing the
parameter is tried. Two parsers that read one path differently are an attack, so a path with an
encoded slash, a dot segment, an empty segment, a backslash, a control or bytes that are not UTF-8
leads nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Generic, TypeVar
from urllib.parse import quote_from_bytes, unquote_to_bytes

Target = TypeVar("Target")

MAX_SEGMENTS: Final = 64
_PARAMETER: Final = re.compile(r"\{([^{}/]+)\}")
_FORBIDDEN: Final = re.compile(rb"[\x00-\x1f\x7f/\\]")
_DOTS: Final = frozenset({b".", b".."})
_SAFE: Final = "-._~!$&'()*+,;=:@"  # pchar of RFC 3986 section 3.3, less letters, digits and "%"


class _Node(Generic[Target]):
    __slots__ = ("parameter", "static", "target")

    def __init__(self) -> None:
        self.static: dict[bytes, _Node[Target]] = {}
        self.parameter: _Node[Target] | None = None
        self.target: Target | None = None


class Routes(Generic[Target]):
    """The operations of one product, by method and path template."""

    __slots__ = ("_roots",)

    def __init__(self, operations: Iterable[tuple[str, str, Target]] = ()) -> None:
        """Add the operations, each (method, path template, target)."""
        self._roots: dict[str, _Node[Target]] = {}
        for method, template, target in operations:
            self.add(method, template, target)

    def add(self, method: str, template: str, target: Target) -> None:
        """Add an operation, before the first `find`."""
        node = self._roots.setdefault(method.upper(), _Node())
        for segment in template.split("/")[1:]:
            node = _child(node, segment)
        node.target = target

    def find(self, method: str, segments: list[bytes]) -> tuple[Target, list[bytes]] | None:
        """Return the target, and the parameters' values in the template's order; None if there is
        none.

        HEAD is answered by the target of GET, unless it has its own (RFC 9110 section 9.3.2).
        """
        root = self._roots.get(method)
        values: list[bytes] = []
        target = None if root is None else _stride(root, segments, values)
        if target is None and root is not None:
            values.clear()
            target = _walk(root, segments, 0, values)
        if target is None:
            return self.find("GET", segments) if method == "HEAD" else None
        return target, values

    def methods(self, segments: list[bytes]) -> list[str]:
        """Return the methods that have a target at this path, sorted."""
        known = {*self._roots, "HEAD"}
        return sorted(method for method in known if self.find(method, segments) is not None)


def parameters_of(template: str) -> tuple[str, ...]:
    """Return the names of a template's parameters, in their order."""
    return tuple(_PARAMETER.findall(template))


def _child(node: _Node[Target], segment: str) -> _Node[Target]:
    if _PARAMETER.fullmatch(segment):
        node.parameter = node.parameter or _Node()
        return node.parameter
    return node.static.setdefault(segment.encode(), _Node())


def _stride(node: _Node[Target], segments: list[bytes], values: list[bytes]) -> Target | None:
    """Take the first choice at every segment: right unless a static branch ends in nothing."""
    for segment in segments:
        child = node.static.get(segment)
        if child is None:
            child = node.parameter
            if child is None or not segment:
                return None
            values.append(segment)
        node = child
    return node.target


def _walk(
    node: _Node[Target], segments: list[bytes], at: int, values: list[bytes]
) -> Target | None:
    """Try every choice from segment `at` on, the static one first; fills `values`."""
    if at == len(segments):
        return node.target
    segment = segments[at]
    child = node.static.get(segment)
    if child is not None:
        found = _walk(child, segments, at + 1, values)
        if found is not None:
            return found
    if node.parameter is None or not segment:
        return None
    values.append(segment)
    found = _walk(node.parameter, segments, at + 1, values)
    if found is None:
        values.pop()
    return found


def split_path(path: bytes) -> list[bytes] | None:
    """Return the decoded segments of a path that begins with a slash.

    None when it may be read two ways. A last empty segment (a slash at the end) is kept: it is a
    different path.
    """
    segments = path.split(b"/")[1:]
    if len(segments) > MAX_SEGMENTS or b"" in segments[:-1]:
        return None
    if b"%" in path:
        segments = [unquote_to_bytes(segment) for segment in segments]
        if not all(map(_is_plain, segments)):
            return None
    return None if not _DOTS.isdisjoint(segments) else segments


def _is_plain(segment: bytes) -> bool:
    try:
        segment.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return _FORBIDDEN.search(segment) is None


def join_path(segments: list[bytes]) -> bytes:
    """Return the one encoding in which a path is passed on (RFC 3986 section 3.3)."""
    encoded = (quote_from_bytes(segment, safe=_SAFE) for segment in segments)
    return ("/" + "/".join(encoded)).encode("ascii")
