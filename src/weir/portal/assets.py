"""Static files of the pages: one style sheet and its dark set, six scripts, an icon.

All of them are in the package; no page loads anything from elsewhere.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final

_FOLDER: Final = Path(__file__).parent / "static"
# The order in which the parts of the style sheet are joined: later ones win over earlier ones.
_SHEETS: Final = (
    *("tokens", "weir", "elements", "frame", "parts", "forms", "tables", "shelf", "reference"),
    *("try-it", "traffic"),
    "small",
)
HTMX: Final = "htmx-2.0.11.js"
_AS_THEY_ARE: Final = (
    *("weir.js", "passkeys.js", "try-it.js", "try-consent.js", "try-back.js", HTMX),
    "icon.svg",
)
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def _sheet(name: str) -> bytes:
    return (_FOLDER / "styles" / f"{name}.css").read_bytes()


STATIC: Final[dict[str, bytes]] = {
    "weir.css": b"\n".join(_sheet(name) for name in _SHEETS),
    "dark.css": _sheet("dark"),
    **{name: (_FOLDER / name).read_bytes() for name in _AS_THEY_ARE},
}
# Names this very set, so that a browser never mixes two of them.
VERSION: Final = sha256(b"".join(STATIC[name] for name in sorted(STATIC))).hexdigest()[:12]


def media_type(name: str) -> str:
    """Return the media type of a file of STATIC, by its name."""
    return _TYPES[PurePosixPath(name).suffix]
