"""Sentences for people at a terminal when a command fails."""

from __future__ import annotations

from weir.kernel.outcomes import Refusal


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

    if isinstance(error, RefusedError) and error.interaction_id:
        return f"{error} [{error.interaction_id}]"
    return str(error) if isinstance(error, WeirError) else None


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
