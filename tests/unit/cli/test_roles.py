"""Roles: what each process says at its start."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from weir.cli.roles import ROOT_ADVICE, warn_of_root


@pytest.mark.parametrize(("user", "said"), [(0, [ROOT_ADVICE]), (1_000, [])])
def test_a_process_that_runs_as_root_warns_of_it(
    monkeypatch: pytest.MonkeyPatch, user: int, said: list[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    with capture_logs() as lines:
        warn_of_root()
    assert [line["advice"] for line in lines] == said
    assert all(line["log_level"] == "warning" for line in lines)
