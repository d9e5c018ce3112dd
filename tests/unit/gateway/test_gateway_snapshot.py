"""The snapshot: immutable, changed by rows, and never more than its documents say."""

from __future__ import annotations

import gc
from typing import Any

from gateway_support import (
    PREFIX,
    application,
    drafted,
    operation,
    product,
    revocation,
    row,
    subscription,
    world,
)
from hypothesis import given
from hypothesis import strategies as st

from weir.gateway.config.snapshot import Operation, Product, Snapshot
from weir.gateway.config.snapshot_builder import UNIT_OPERATIONS, ChangeRow, SnapshotBuilder
from weir.shelf.published import Bindings


def test_a_change_makes_a_new_snapshot_and_leaves_the_old_one() -> None:
    before = world()
    after = drafted(before, [row("product", "prd_1", None)])
    assert not after.routes
    assert PREFIX.encode() in before.routes
    assert after.sequence > before.sequence
    assert after.signing_keys is before.signing_keys  # a new map would make tokens be forgotten


def test_a_revocation_is_known_in_every_snapshot() -> None:
    before = world()
    after = drafted(before, [revocation("consent", "cns_1")])
    assert "consent:cns_1" in after.revoked
    assert after.revoked is before.revoked
    assert after.sequence > before.sequence


def test_a_removal_removes_and_an_unknown_kind_is_passed_over() -> None:
    snapshot = drafted(
        world(),
        [
            revocation("consent", "cns_1"),
            row("revocation", "consent:cns_1", None),
            row("application", "app_shop", None),
            row("signing_key", "key_1", None),
            ChangeRow("weather", "today", 10**9, '{"rain": true}'),
        ],
    )
    assert len(snapshot.revoked) == 0
    assert not snapshot.applications
    assert not snapshot.signing_keys
    assert snapshot.sequence == 10**9


def test_a_retired_product_and_a_removed_one_answer_nowhere() -> None:
    for change in (
        row("product", "prd_1", product(status="retired")),
        row("product", "prd_1", None),
    ):
        snapshot = drafted(world(), [change])
        assert PREFIX.encode() not in snapshot.routes
        assert "prd_1" not in snapshot.products


def test_a_product_that_moves_leaves_its_old_address() -> None:
    snapshot = drafted(
        world(), [row("product", "prd_1", product(prefix="/river-bank/accounts/v2"))]
    )
    assert list(snapshot.routes) == [b"/river-bank/accounts/v2"]


def test_only_an_active_subscription_counts_whatever_came_before_or_after_it() -> None:
    ended = subscription(id="sub_0", status="ended")
    snapshot = drafted(world(), [row("subscription", "sub_0", ended)])
    found = snapshot.subscription("app_shop", "prd_1")
    assert found is not None
    assert found.id == "sub_1"
    snapshot = drafted(snapshot, [row("subscription", "sub_1", subscription(status="suspended"))])
    assert snapshot.subscription("app_shop", "prd_1") is None
    snapshot = drafted(
        snapshot, [row("subscription", "sub_1", None), row("subscription", "sub_0", None)]
    )
    assert not snapshot.subscriptions
    assert not snapshot.subscription_pairs


def test_a_document_that_makes_no_sense_stops_what_it_names_and_nothing_else() -> None:
    bad: list[ChangeRow] = [
        ChangeRow("application", "app_shop", 10**9, '{"id": 7}'),
        row("product", "prd_1", product(operations=[operation("GET", "/x", bindings=_bad())])),
        ChangeRow("signing_key", "key_1", 10**9 + 1, '{"kid":"key_1","alg":"ES256","jwk":{}}'),
        ChangeRow("application", "app_torn", 10**9 + 2, '{"id":'),
    ]
    told: list[Any] = []
    snapshot = drafted(world(), bad, lambda change, error: told.append((change.key, type(error))))
    assert [key for key, _ in told] == ["app_shop", "prd_1", "key_1", "app_torn"]
    assert "app_shop" not in snapshot.applications
    assert PREFIX.encode() not in snapshot.routes
    assert "key_1" not in snapshot.signing_keys
    assert "org_bank" in snapshot.organisations
    assert snapshot.sequence == 10**9 + 2


def _bad() -> Any:
    return Bindings(account="nowhere")


_ROWS = st.lists(
    st.tuples(st.sampled_from(["application", "product", "subscription"]), st.booleans()),
    max_size=30,
)


@given(_ROWS, st.integers(min_value=1, max_value=7))
def test_pages_give_the_same_snapshot_as_one_piece(
    drawn: list[tuple[str, bool]], size: int
) -> None:
    documents: dict[str, Any] = {
        "application": application(),
        "subscription": subscription(),
        "product": product(),
    }
    keys = {"application": "app_shop", "subscription": "sub_1", "product": "prd_1"}
    rows = [row(kind, keys[kind], documents[kind] if there else None) for kind, there in drawn]
    whole, paged = drafted(Snapshot(), rows), Snapshot()
    for start in range(0, len(rows), size):
        paged = drafted(paged, rows[start : start + size])
    assert whole.applications == paged.applications
    assert set(whole.products) == set(paged.products)
    assert set(whole.routes) == set(paged.routes)
    assert whole.subscriptions == paged.subscriptions
    assert whole.sequence == paged.sequence


def test_a_large_product_is_many_units_of_work_and_answers_only_when_it_is_whole() -> None:
    many = [operation("GET", f"/things/{number}") for number in range(1_000)]
    builder = SnapshotBuilder(Snapshot())
    units = sum(1 for _ in builder.apply([row("product", "prd_1", product(operations=many))]))
    assert units >= len(many) // UNIT_OPERATIONS
    routes = builder.finish().routes[PREFIX.encode()].routes
    assert all(routes.find("GET", [b"things", b"%d" % number]) for number in range(1_000))


def test_what_replaced_products_leave_behind_is_freed_without_a_collection() -> None:
    """Frozen objects are never collected: a circle among them would stay for good."""
    gc.collect()
    gc.disable()
    try:
        snapshot = world()
        once = products_and_operations()
        for _ in range(3):
            snapshot = drafted(snapshot, [row("product", "prd_1", product())])
            assert products_and_operations() == once
    finally:
        gc.enable()


def products_and_operations() -> int:
    """How many there are in this process."""
    return sum(isinstance(each, Product | Operation) for each in gc.get_objects())
