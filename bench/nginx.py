"""Starting nginx from a configuration file in `bench/peers/`: the member, and two of the peers."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.processes import tree

FILES = Path(__file__).parent / "peers"
MODULES = Path("/usr/lib/nginx/modules")
_PLACE = re.compile(r"@([a-z_]+)@")
_STARTS_WITHIN_S = 10.0
_ASKED_FOR: dict[str, Callable[[], bool]] = {
    "nginx": lambda: shutil.which("nginx") is not None,
    "its Lua module": (MODULES / "ngx_http_lua_module.so").exists,
    "lua-cjson": lambda: any(Path("/usr/lib").glob("*/lua/5.1/cjson.so")),
}


def require() -> None:
    """End with a clear sentence when something that the benchmarks need is not installed."""
    missing = [name for name, is_there in _ASKED_FOR.items() if not is_there()]
    if missing:
        raise SystemExit(
            f"The benchmarks need {' and '.join(missing)}. On Debian: apt-get install "
            "nginx-light libnginx-mod-http-lua lua-cjson"
        )


def fill(name: str, /, **values: Any) -> str:
    """A file of `bench/peers/` with each `@name@` replaced. KeyError when one is not given."""
    return _PLACE.sub(lambda place: str(values[place[1]]), (FILES / name).read_text())


def start(folder: Path, name: str, port: int, **values: Any) -> subprocess.Popen[bytes]:
    """Run nginx with `bench/peers/NAME.conf` until it listens on `port`."""
    (folder / "tmp").mkdir(exist_ok=True)
    common = fill("common.conf", folder=folder, name=name)
    path = folder / f"{name}.conf"
    path.write_text(
        fill(
            f"{name}.conf",
            common=common,
            folder=folder,
            files=FILES,
            modules=MODULES,
            port=port,
            **values,
        )
    )
    running = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(path)])
    await_port(running, port, folder / f"{name}.err")
    while len(tree(running.pid)) == 1 and running.poll() is None:
        time.sleep(0.02)  # it listens before it has its worker, whose processor time is asked for
    return running


def await_port(running: subprocess.Popen[Any], port: int, log: Path) -> None:
    """Wait until something listens. RuntimeError with the end of the log when it does not."""
    deadline_s = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline_s and running.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"{running.args!r} did not start: {log.read_text()[-2_000:]}")


def stop(running: subprocess.Popen[Any]) -> None:
    """End a process that was started here, and wait for it."""
    running.terminate()
    running.wait()
