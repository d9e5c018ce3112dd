"""What holds for all tests: property tests are never judged by how fast the machine is, and tests
of one `xdist_group` run in one process.
"""

from __future__ import annotations

import pytest
from _pytest.nodeid import NodeId
from hypothesis import settings

from demo_fixtures import demo, place

__all__ = ["demo", "place"]

settings.register_profile("weir", deadline=None)
settings.load_profile("weir")


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
