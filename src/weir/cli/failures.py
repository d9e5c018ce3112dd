"""Sentences for people at a terminal when a command fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weir.kernel.outcomes import Refusal

if TYPE_CHECKING:
    from weir.client.errors import RefusedError


class CommandError(Exception):
    """A command cannot do what it was asked. The message is the sentence that a person reads."""


def sentence_of(error: BaseException) -> str | None:
    """Return one sentence for an expected failure; None for a fault of ours."""
    if isinstance(error, Refusal):
        return _refusal(error)
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, ExceptionGroup):
        return sentence_of(error.exceptions[0])
    if isinstance(error, BrokenPipeError):
        return "The output was closed before it was all written."
    from weir.client.errors import RefusedError, WeirError

    if isinstance(error, RefusedError):
        return _refused(error)
    return str(error) if isinstance(error, WeirError) else None


def _refused(error: RefusedError) -> str:
    """Return the platform's sentence, with what to do at a terminal, and the request's name."""
    said = str(error)
    if error.code == "fresh_proof_needed":
        said += " Run `weir sign-in` again."
    return f"{said} [{error.interaction_id}]" if error.interaction_id else said


def _refusal(refusal: Refusal) -> str:
    """Return the public sentence with its public values; `why` becomes a sentence of its own."""
    said = refusal.outcome.en
    values = dict(refusal.public)
    why = values.pop("why", None)
    shown = [f"{name}: {value}" for name, value in values.items() if not name.endswith("_zh")]
    if shown:
        said += f" ({', '.join(shown)})"
    if why:
        text = str(why)
        said += f" {text[0].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")
    return said
