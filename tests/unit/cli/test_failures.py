from weir.cli.failures import CommandError, sentence_of
from weir.client.errors import RefusedError, UnreachableError
from weir.kernel.declares import CONFLICT, SETTING_INVALID
from weir.kernel.outcomes import Fault, Refusal, Retry


def test_a_refusal_reads_as_sentences_with_what_helps() -> None:
    refusal = Refusal(SETTING_INVALID, "private", setting="WEIR_X", why="there is no such setting")
    assert sentence_of(refusal) == (
        "A setting has a value it cannot have. (setting: WEIR_X) There is no such setting."
    )


def test_the_private_detail_and_the_chinese_reason_are_not_shown() -> None:
    said = sentence_of(Refusal(CONFLICT, "a private host name", why_zh="已存在"))
    assert said == "This clashes with what is already there."


def test_the_platforms_refusal_is_shown_with_its_interaction() -> None:
    error = RefusedError("forbidden", 403, "No.", "不。", Fault.CALLER, Retry.NEVER, "abc")
    assert sentence_of(error) == "No. (forbidden) [abc]"


def test_what_cannot_be_done_or_reached_is_a_sentence() -> None:
    assert sentence_of(CommandError("No such file.")) == "No such file."
    assert sentence_of(UnreachableError("api.localhost: refused")) == "api.localhost: refused"
    assert sentence_of(ExceptionGroup("many", [CommandError("First.")])) == "First."


def test_a_fault_of_ours_is_not_made_pretty() -> None:
    assert sentence_of(KeyError("x")) is None
