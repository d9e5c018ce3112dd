import stat
from dataclasses import replace
from pathlib import Path

import pytest

from weir.client.credentials import Credentials
from weir.client.errors import WeirError
from weir.client.platform import Platform
from weir.client.profile import Profile


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    root = tmp_path / "root.pem"
    root.write_text("a root")
    made = Credentials.generate(tmp_path / "profiles" / "mall").registered_as(
        "app_x", "private_key_jwt"
    )
    return Profile(Platform.at(root, "weir.example", 443, 8444), made, "org_x")


def test_a_saved_profile_is_loaded_as_it_was(profile: Profile) -> None:
    profile.save()
    folder = profile.credentials.folder
    loaded = Profile.load(folder)
    assert loaded.credentials == profile.credentials
    assert loaded.organisation == "org_x"
    assert loaded.platform == replace(profile.platform, ca_file=folder / "ca.pem")
    assert (folder / "ca.pem").read_text() == "a root"
    for file in folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_address_on_the_usual_port_does_not_name_it(profile: Profile) -> None:
    assert profile.platform.issuer == "https://auth.weir.example"
    assert profile.platform.api_origin == "https://api.weir.example:8444"


def test_a_profile_others_can_read_is_not_used(profile: Profile) -> None:
    profile.save()
    (profile.credentials.folder / "profile.json").chmod(0o640)
    with pytest.raises(WeirError, match="can be read by others"):
        Profile.load(profile.credentials.folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"issuer": 1}', b"\xff"])
def test_a_damaged_profile_is_refused_with_a_sentence(profile: Profile, content: bytes) -> None:
    profile.save()
    (profile.credentials.folder / "profile.json").write_bytes(content)
    with pytest.raises(WeirError, match="is not a profile"):
        Profile.load(profile.credentials.folder)


def test_a_missing_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeirError, match="There is no profile in"):
        Profile.load(tmp_path / "nobody")


def test_without_a_certificate_there_is_nothing_to_show(profile: Profile) -> None:
    with pytest.raises(WeirError, match="no certificate yet"):
        profile.exchange()
