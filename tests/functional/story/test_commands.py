"""The commands, run as processes against a running alliance, as a person would type them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from demo_process import Demo
from weir.kernel.signed_terms import TermsSignature, signature_fault

# One demo serves all tests of this folder.
pytestmark = pytest.mark.xdist_group("story")


def test_lists_are_tables_for_people_and_json_for_programs(demo: Demo) -> None:
    shown = demo.weir("member", "list")
    assert shown.returncode == 0, shown.stderr
    assert "River Bank" in shown.stdout
    listed = json.loads(demo.weir("member", "list", "--json").stdout)
    assert [each["slug"] for each in listed] == [
        "harbour-insurance",
        "river-bank",
        "summit-securities",
    ]


def test_a_party_asks_by_its_own_profile_and_sees_what_is_its_own(demo: Demo) -> None:
    products = json.loads(
        demo.weir("product", "list", "--mine", "-p", "river-bank", "--json").stdout
    )
    published = {each["slug"] for each in products if each["status"] == "published"}
    assert published == {"accounts", "payments"}
    accounts = next(each for each in products if each["slug"] == "accounts")
    other = demo.weir("plan", "list", accounts["id"], "-p", "lantern-life", "--json")
    assert json.loads(other.stdout)[0]["name"] == "standard"
    consents = json.loads(demo.weir("consent", "list", "-p", "river-bank", "--json").stdout)
    assert "withdrawn" in {each["state"] for each in consents}


def test_a_refusal_is_one_sentence_and_a_status(demo: Demo) -> None:
    refused = demo.weir("audit", "verify", "--profile", "lantern-life")
    assert refused.returncode == 1
    assert refused.stderr.startswith("weir: Your organisation may not do this. (forbidden)")
    assert "Traceback" not in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_an_unknown_profile_and_an_unreachable_platform_are_named(demo: Demo) -> None:
    nobody = demo.weir("member", "list", "--profile", "nobody")
    assert nobody.returncode == 1
    assert nobody.stderr.startswith("weir: There is no profile in ")


def test_what_is_imported_is_given_back(demo: Demo) -> None:
    document = json.loads(demo.weir("document", "list", "-p", "river-bank", "--json").stdout)[0]
    regenerated = json.loads(
        demo.weir("document", "openapi", document["id"], "-p", "river-bank").stdout
    )
    assert "/accounts/{account_id}/balances" in regenerated["paths"]
    source = demo.weir("document", "openapi", document["id"], "--source", "-p", "river-bank")
    assert source.stdout.startswith("openapi: 3.0")


def test_a_statement_verifies_offline_and_a_changed_one_does_not(
    demo: Demo, tmp_path: Path
) -> None:
    listed = json.loads(demo.weir("statement", "list", "-p", "river-bank", "--json").stdout)
    document = demo.weir("statement", "show", listed[0]["id"], "-p", "river-bank").stdout
    file = tmp_path / "statement.json"
    file.write_text(document)
    records = str(demo.home / "records")
    held = demo.weir("statement", "verify", str(file), "--records", records)
    assert held.returncode == 0, held.stdout + held.stderr
    assert "holds: recomputed from" in held.stdout
    altered = json.loads(document)
    altered["is_owed_minor"] += 1
    file.write_text(json.dumps(altered))
    broken = demo.weir("statement", "verify", str(file), "--records", records)
    assert broken.returncode == 1
    assert "does not hold: sha256" in broken.stdout
    file.write_text("{}")
    nonsense = demo.weir("statement", "verify", str(file), "--records", records)
    assert nonsense.returncode == 1
    assert "not a statement" in nonsense.stderr


def test_a_founding_link_works_once(demo: Demo) -> None:
    link = f"https://manage.localhost:{demo.port('portal')}/v1/founding#never-given"
    refused = demo.weir("operator", "claim", link, "--profile", "second")
    assert refused.returncode == 1
    assert "(link_used)" in refused.stderr


def test_the_audit_verifies_and_the_calls_are_counted(demo: Demo) -> None:
    verified = demo.weir("audit", "verify")
    assert verified.returncode == 0
    assert verified.stdout.startswith("Every audit chain holds")
    counted = json.loads(demo.weir("records", "count", "--json").stdout)
    assert sum(each["calls"] for each in counted) >= demo.figures["records"]["stored"]


def test_a_partner_gets_its_own_profile_and_acts_by_it(demo: Demo, tmp_path: Path) -> None:
    demo.sign_in()
    words = ("--name-en", "Blue Kite", "--name-zh", "蓝风筝", "--partner-class", "software_vendor")
    assert demo.weir("partner", "admit", "blue-kite", *words).returncode == 0
    mine = str(tmp_path / "blue-kite")
    register = ("app", "register", "Blue Kite", "--organisation", "blue-kite", "--role", "manage")
    made = demo.weir(*register, "--save", mine, "--auth-method", "private_key_jwt", "--json")
    assert made.returncode == 0, made.stderr
    application = json.loads(made.stdout)["id"]
    listed = json.loads(demo.weir("app", "list", "-p", mine, "--json").stdout)
    assert [each["id"] for each in listed] == [application]
    again = demo.weir(*register, "--save", str(tmp_path / "other"))
    assert again.returncode == 1
    assert "registers its next one itself" in again.stderr
    asks = demo.weir("app", "backchannel", application, "-p", mine, "--json")
    assert json.loads(asks.stdout)["backchannel_token_delivery_mode"] == "poll"
    off = demo.weir("app", "backchannel", application, "--mode", "off", "-p", mine, "--json")
    assert json.loads(off.stdout)["backchannel_token_delivery_mode"] is None
    issued = json.loads(demo.weir("app", "certs", application, "-p", mine, "--json").stdout)
    assert demo.weir("app", "revoke", issued[0]["id"], "-p", mine).returncode == 0
    refused = demo.weir("app", "list", "-p", mine)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


def test_identifiers_are_shown_in_full(demo: Demo) -> None:
    product = json.loads(demo.weir("product", "list", "--json").stdout)[0]
    assert product["id"] in demo.weir("product", "list").stdout


def test_downloaded_terms_are_signed_without_asking_anybody(demo: Demo, tmp_path: Path) -> None:
    listed = json.loads(demo.weir("agreement", "list", "-p", "river-bank", "--json").stdout)
    shown = json.loads(demo.weir("agreement", "show", listed[0]["id"], "-p", "river-bank").stdout)
    file = tmp_path / "terms.json"
    file.write_text(shown["terms"])
    jws = demo.weir("agreement", "sign", str(file), "-p", "river-bank").stdout.strip()
    header = jws.partition(".")[0]
    (before,) = [each for each in shown["signatures"] if each["jws"].startswith(f"{header}.")]
    signature = TermsSignature(**{**before, "jws": jws})
    assert signature_fault(shown["terms"], signature) is None
    file.write_text(shown["terms"] + " ")
    refused = demo.weir("agreement", "sign", str(file), "-p", "river-bank")
    assert refused.returncode == 1
    assert "does not hold the terms of an agreement" in refused.stderr
