"""The snapshot: immutable, changed by rows, and never more than its documents say."""

from __future__ import annotations

from typing import Any

from gateway_support import (
    PREFIX,
    application,
    operation,
    product,
    revocation,
    row,
    subscription,
    world,
)
from hypothesis import given
from hypothesis import strategies as st

from weir.gateway.snapshot import ChangeRow, Snapshot
from weir.shelf.published import Bindings


def test_a_change_makes_a_new_snapshot_and_leaves_the_old_one() -> None:
    before = world()
    after = before.apply([revocation("consent", "cns_1")])
    assert "consent:cns_1" in after.revoked
    assert "consent:cns_1" not in before.revoked
    assert after.sequence > before.sequence
    assert after.routes is before.routes


def test_a_removal_removes_and_an_unknown_kind_is_passed_over() -> None:
    snapshot = world().apply(
        [
            revocation("consent", "cns_1"),
            row("revocation", "consent:cns_1", None),
            row("application", "app_shop", None),
            row("signing_key", "key_1", None),
            ChangeRow("weather", "today", 10**9, {"rain": True}),
        ]
    )
    assert not snapshot.revoked
    assert not snapshot.applications
    assert not snapshot.signing_keys
    assert snapshot.sequence == 10**9


def test_a_retired_product_and_a_removed_one_answer_nowhere() -> None:
    for change in (
        row("product", "prd_1", product(status="retired")),
        row("product", "prd_1", None),
    ):
        snapshot = world().apply([change])
        assert PREFIX.encode() not in snapshot.routes
        assert "prd_1" not in snapshot.products


def test_a_product_that_moves_leaves_its_old_address() -> None:
    snapshot = world().apply([row("product", "prd_1", product(prefix="/river-bank/accounts/v2"))])
    assert list(snapshot.routes) == [b"/river-bank/accounts/v2"]


def test_only_an_active_subscription_counts_whatever_came_before_or_after_it() -> None:
    ended = subscription(id="sub_0", status="ended")
    snapshot = world().apply([row("subscription", "sub_0", ended)])
    found = snapshot.subscription("app_shop", "prd_1")
    assert found is not None
    assert found.id == "sub_1"
    snapshot = snapshot.apply([row("subscription", "sub_1", subscription(status="suspended"))])
    assert snapshot.subscription("app_shop", "prd_1") is None
    snapshot = snapshot.apply(
        [row("subscription", "sub_1", None), row("subscription", "sub_0", None)]
    )
    assert not snapshot.subscriptions
    assert not snapshot.subscription_pairs


def test_a_document_that_makes_no_sense_stops_what_it_names_and_nothing_else() -> None:
    bad: list[ChangeRow] = [
        ChangeRow("application", "app_shop", 10**9, {"id": 7}),
        row("product", "prd_1", product(operations=[operation("GET", "/x", bindings=_bad())])),
        ChangeRow("signing_key", "key_1", 10**9 + 1, {"kid": "key_1", "alg": "ES256", "jwk": {}}),
    ]
    told: list[Any] = []
    snapshot = world().apply(bad, lambda change, error: told.append((change.key, type(error))))
    assert [key for key, _ in told] == ["app_shop", "prd_1", "key_1"]
    assert "app_shop" not in snapshot.applications
    assert PREFIX.encode() not in snapshot.routes
    assert "key_1" not in snapshot.signing_keys
    assert "org_bank" in snapshot.organisations
    assert snapshot.sequence == 10**9 + 1


def _bad() -> Any:
    return Bindings(account="nowhere")


_ROWS = st.lists(
    st.tuples(st.sampled_from(["application", "revocation", "subscription"]), st.booleans()),
    max_size=30,
)


@given(_ROWS, st.integers(min_value=1, max_value=7))
def test_slices_give_the_same_snapshot_as_one_piece(
    drawn: list[tuple[str, bool]], size: int
) -> None:
    rows = []
    for kind, present in drawn:
        document: Any = {
            "application": application(),
            "subscription": subscription(),
            "revocation": application(),
        }[kind]
        rows.append(
            row(kind, "sub_1" if kind == "subscription" else "key", document if present else None)
        )
    whole = Snapshot().apply(rows)
    sliced = Snapshot()
    for start in range(0, len(rows), size):
        sliced = sliced.apply(rows[start : start + size])
    assert dict(whole.applications) == dict(sliced.applications)
    assert dict(whole.revoked) == dict(sliced.revoked)
    assert dict(whole.subscriptions) == dict(sliced.subscriptions)
    assert whole.sequence == sliced.sequence
