"""Strict readers of values from outside; a refusal names the wrong value and the reason.

Every reader takes the value and its JSON pointer (RFC 6901) in the request. It returns the value
in its stored form, or raises Refusal INVALID_INPUT with `pointer`, `why` and `why_zh`. The reason
never repeats the value, so nothing that a caller sends is echoed into a page or a log.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from typing import Final
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from weir.kernel import identifiers
from weir.kernel.declares import (
    INVALID_INPUT,
    NAME_CHARACTERS,
    NOT_FOUND,
    PROSE_CHARACTERS,
    URL_CHARACTERS,
)
from weir.kernel.outcomes import Refusal

# A URL of RFC 3986 characters only. Other characters must be percent-encoded or punycode.
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*|\[[0-9a-f:.]{2,45}\]"
)
# The grammar of every identifier, slug and other name by which a thing is asked for.
IDENTIFIER: Final = r"^[!-~]*$"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
# Unicode categories a name may not hold: controls, invisible format characters (which reverse or
# hide text), surrogates, private use, unassigned, line and paragraph separators.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Characters of other categories that nothing is drawn for: Default_Ignorable_Code_Point of
# Unicode 17 (fillers, joiners, variation selectors), and the blank pattern of braille.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164"
    "\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_NO_LINES: Final = {ord("\n"): None, ord("\t"): None}
_MARKS_AT_MOST: Final = 4  # on one letter; a pile of marks covers the lines around it


def wrong(pointer: str, why: str, why_zh: str) -> Refusal:
    """Return the refusal INVALID_INPUT of one value, with the reason in both languages."""
    return Refusal(
        INVALID_INPUT,
        f"{pointer}: {why}",
        pointer=pointer,
        why=why,
        why_zh=why_zh,
    )


def address(path: bytes, query: bytes) -> None:
    """Check a request's path and query as they came: decoded, they are UTF-8 without controls.

    No stored thing has another name, and PostgreSQL cannot be asked for one. Refusals NOT_FOUND
    for the path, INVALID_INPUT for the query.
    """
    if not _is_text(path):
        raise Refusal(NOT_FOUND, "the path is no text")
    if query and not _is_text(query.replace(b"+", b" ")):
        raise wrong(
            "query",
            "must be UTF-8 without control characters",
            "须为 UTF-8 文本，且不含控制字符",
        )


def slug(value: str, pointer: str) -> str:
    """Read a name that is readable in an address: 1 to 48 characters, such as `river-bank`."""
    if not identifiers.is_slug(value):
        raise wrong(
            pointer,
            "must be 1 to 48 lower-case letters, digits and hyphens, starting with a letter and"
            " not ending with a hyphen",
            "须为 1 至 48 个小写字母、数字或连字符，以字母开头且不以连字符结尾",
        )
    return value


PRIVATE_KEY_MARK: Final = "PRIVATE KEY-----"  # of every PEM form of one (RFC 7468, PKCS #1, SEC 1)


def text(value: str, pointer: str, max_characters: int = NAME_CHARACTERS) -> str:
    """Read one line of text for people; return it without surrounding space, in Unicode NFC."""
    normal = unicodedata.normalize("NFC", value)
    if not 0 < len(normal) <= max_characters or normal != normal.strip():
        raise wrong(
            pointer,
            f"must be 1 to {max_characters} characters with no space around them",
            f"须为 1 至 {max_characters} 个字符，且首尾没有空格",
        )
    _require_visible(normal, pointer)
    if not any(unicodedata.category(character)[0] in "LN" for character in normal):
        raise wrong(pointer, "must hold a letter or a digit", "须含有文字或数字")
    return normal


def _require_visible(value: str, pointer: str) -> None:
    """Refuse characters that cannot be seen or mislead the eye, and piles of combining marks."""
    kinds = [unicodedata.category(character) for character in value]
    if not _HIDDEN.isdisjoint(kinds) or _BLANK.search(value) is not None:
        raise wrong(
            pointer, "must hold no control or invisible characters", "不得含有控制字符或不可见字符"
        )
    if "M" * (_MARKS_AT_MOST + 1) in "".join(kind[0] for kind in kinds):
        raise wrong(
            pointer,
            f"must hold at most {_MARKS_AT_MOST} combining marks in a row",
            f"连续的组合符号不得超过 {_MARKS_AT_MOST} 个",
        )


def prose(value: str, pointer: str, max_characters: int = PROSE_CHARACTERS) -> str:
    """Read several lines of text for people, or none. Each line end becomes one line feed."""
    normal = unicodedata.normalize("NFC", value.replace("\r\n", "\n")).strip()
    if len(normal) > max_characters:
        raise wrong(
            pointer,
            f"must be at most {max_characters} characters",
            f"不得超过 {max_characters} 个字符",
        )
    _require_visible(normal.translate(_NO_LINES), pointer)
    return normal


def digits(value: str, most: int = 15) -> int | None:
    """Return the whole number in a text of at most `most` ASCII digits, or None for other texts.

    Spaces around the digits are allowed. `str.isdigit` alone accepts digits of every script, and
    some that `int` cannot read.
    """
    typed = value.strip()
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= most else None


def choice(value: str, allowed: Collection[str], pointer: str) -> str:
    """Read one value of a closed list."""
    if value not in allowed:
        listed = ", ".join(sorted(allowed))
        raise wrong(pointer, f"must be one of: {listed}", f"须为以下之一：{listed}")
    return value


def https_url(value: str, pointer: str) -> str:
    """Read the https address of a service: no user, query or fragment, and no slash at its end."""
    parts = split_url(value, pointer)
    if parts.scheme != "https" or parts.query or parts.fragment or value.endswith(("/", "?", "#")):
        raise wrong(
            pointer,
            "must be an https address without user, query, fragment or a slash at its end",
            "须为 https 地址，不含用户信息、查询串和片段，且不以斜杠结尾",
        )
    return value


def split_url(value: str, pointer: str) -> SplitResult:
    """Return the parts of an absolute URL with a plain host and no user information (RFC 3986).

    A URL that two parsers could read differently (a backslash, a dot segment, an empty port,
    capital letters in the host) is refused rather than corrected.
    """
    try:
        parts = urlsplit(value) if len(value) <= URL_CHARACTERS else None
        port = parts.port if parts else None
    except ValueError:
        parts = port = None
    if parts is None or not _URL.fullmatch(value) or not _plain_host(parts, port):
        raise wrong(
            pointer, "must be an absolute address with a plain host", "须为主机名规范的绝对地址"
        )
    if any(segment in (".", "..") for segment in parts.path.split("/")):
        raise wrong(pointer, "must hold no dot segments", "路径中不得含有点段")
    return parts


def _is_text(encoded: bytes) -> bool:
    """Whether percent-encoded bytes are UTF-8 without a control character."""
    try:
        return _CONTROL.search(unquote_to_bytes(encoded).decode("utf-8")) is None
    except UnicodeDecodeError:
        return False


def _plain_host(parts: SplitResult, port: int | None) -> bool:
    """Whether the URL's authority is a host, or a host and a port, in its one usual form."""
    host = parts.netloc if port is None else parts.netloc.removesuffix(f":{port}")
    return _HOST.fullmatch(host) is not None and port != 0
