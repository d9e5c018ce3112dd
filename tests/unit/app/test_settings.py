"""Settings are typed and explained; a misspelt or impossible one is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.app.settings import Settings, read
from weir.kernel.outcomes import Refusal
from weir.kernel.settings import environment, explain


def test_without_an_environment_everything_has_its_default() -> None:
    assert read({"PATH": "/bin"}) == Settings()


def test_values_are_read_into_their_types() -> None:
    settings = read({"WEIR_HOME": "/x", "WEIR_MTLS_PORT": "9444"})
    assert (settings.home, settings.mtls_port) == (Path("/x"), 9444)


@pytest.mark.parametrize(
    "environment",
    [
        {"WEIR_PUBLIC_PROT": "1"},
        {"WEIR_MTLS_PORT": "0"},
        {"WEIR_MTLS_PORT": "65536"},
        {"WEIR_MTLS_PORT": "١"},
        {"WEIR_MTLS_PORT": "-1"},
        {"WEIR_LOG_LEVEL": "loud"},
        {"WEIR_DOMAIN": " "},
        {"WEIR_SERVER_KEY": "/k.pem"},
    ],
)
def test_what_cannot_be_is_refused_by_name_and_without_its_value(
    environment: dict[str, str],
) -> None:
    with pytest.raises(Refusal) as refused:
        read(environment)
    assert refused.value.public["setting"] in environment


@pytest.mark.parametrize(
    ("variable", "days", "least"),
    [("WEIR_RECORDS_KEPT_DAYS", "182", "183"), ("WEIR_TRANSACTIONS_KEPT_DAYS", "365", "366")],
)
def test_records_are_kept_no_shorter_than_the_named_least(
    variable: str, days: str, least: str
) -> None:
    with pytest.raises(Refusal) as refused:
        read({variable: days})
    assert refused.value.public["setting"] == variable
    assert f"between {least} and" in str(refused.value.public["why"])


def test_records_of_payments_are_kept_no_shorter_than_others() -> None:
    with pytest.raises(Refusal) as refused:
        read({"WEIR_RECORDS_KEPT_DAYS": "800", "WEIR_TRANSACTIONS_KEPT_DAYS": "700"})
    assert refused.value.public["setting"] == "WEIR_TRANSACTIONS_KEPT_DAYS"


def test_secrets_are_hidden_and_origins_shown() -> None:
    environment = {"WEIR_DATABASE_URL": "postgresql+psycopg://u:hunter2@/db"}
    rows = {row.name: row for row in explain(read(environment), environment)}
    assert rows["database_url"].origin == "environment"
    assert "hunter2" not in rows["database_url"].value
    assert rows["public_port"].origin == "default"
    assert all(row.words for row in rows.values())


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\n"), min_size=1).filter(
    lambda text: bool(text.strip())
)


@given(
    home=st.none() | st.just(Path("/a home/of weir")),
    database_url=st.none() | WORDS,
    lake_url=st.none() | WORDS,
    domain=WORDS,
    public_port=st.integers(1, 65_535).filter(lambda port: port != Settings().mtls_port),
    log_level=st.sampled_from(["debug", "info", "warning", "error"]),
)
def test_what_a_role_is_told_are_the_same_settings(**chosen: Any) -> None:
    settings = Settings(**chosen)
    assert read(environment(settings)) == settings


def test_a_role_in_another_folder_is_told_where_the_files_are() -> None:
    settings = Settings(server_certificate=Path("a.pem"), server_key=Path("a.key"))
    assert environment(settings)["WEIR_SERVER_KEY"] == str(Path.cwd() / "a.key")


def test_one_port_cannot_be_both_with_and_without_certificates() -> None:
    with pytest.raises(Refusal) as refused:
        read({"WEIR_PUBLIC_PORT": "9443", "WEIR_MTLS_PORT": "9443"})
    assert refused.value.public["setting"] == "WEIR_MTLS_PORT"
