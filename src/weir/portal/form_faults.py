"""Faults of a form's fields as the page shows them: by field, in the visitor's language."""

from __future__ import annotations

from typing import Final

from weir.kernel.declares import CONFLICT
from weir.kernel.outcomes import Refusal

_TAKEN: Final = ("is taken: choose another", "已被使用，请换一个")


def faults(language: str, *refusals: Refusal | None) -> dict[str, str]:
    """Return a sentence by field name; the empty name has refusals that name no field."""
    return dict(_fault(each, language) for each in refusals if each is not None)


def _fault(refusal: Refusal, language: str) -> tuple[str, str]:
    """Return (field, sentence) of a refusal; the field is empty when it names none."""
    public, chinese = refusal.public, language.startswith("zh")
    field = str(public.get("pointer", "")).rpartition(":")[2].strip("/").partition("/")[0]
    why = public.get("why_zh" if chinese else "why")
    if why is None and field and refusal.outcome is CONFLICT:
        why = _TAKEN[chinese]
    return field, str(why) if why is not None else refusal.outcome.title(language)
