"""What holds for all tests: property tests are never judged by how fast the machine is, tests of
one `xdist_group` run in one process, and tracebacks are short.
"""

from __future__ import annotations

import pytest
import structlog
from _pytest.nodeid import NodeId
from hypothesis import settings
from structlog.dev import ConsoleRenderer, plain_traceback

from demo_fixtures import demo, place

__all__ = ["demo", "place"]

settings.register_profile("weir", deadline=None)
settings.load_profile("weir")

# A traceback as Python writes it: with the values of every frame, as structlog would have it, one
# takes ten seconds.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        ConsoleRenderer(exception_formatter=plain_traceback),
    ]
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Name each test's group in its id, which is where xdist's scheduler looks for it.

    xdist 3.8 does so itself, in an attribute that pytest 9.2 no longer reads: without this every
    test of a group goes to whichever process is free, and starts a platform of its own there.
    """
    if not config.getoption("loadgroup", default=False):  # set in xdist's processes only
        return
    for item in items:
        group = item.get_closest_marker("xdist_group")
        if group is not None and not item.nodeid.endswith(f"@{group.args[0]}"):
            item._id = NodeId.parse(f"{item.nodeid}@{group.args[0]}")
