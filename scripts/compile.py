"""Compile the data plane with mypyc: the same sources, as extension modules beside them.

Nothing is done when the sources have not changed since. Where there is no C compiler, no Python
header or no mypyc, one line says so and the sources run interpreted: slower, otherwise the same.
`weir status` says which form runs. See docs/decisions/0008-compiled-data-plane.md.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

SRC = Path(__file__).resolve().parents[1] / "src"
PACKAGE = SRC / "weir"
MANIFEST = PACKAGE / "compiled.json"
GROUP = "weir_compiled"  # the library that holds the code of all modules
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


def sources() -> list[str]:
    """The modules to compile, by their paths in the package, as the rooms declare them.

    They are what runs in a call, and most of what runs for every token. Left out is what mypyc
    cannot compile: msgspec structures (extension types already) and asynchronous generators.
    """
    sys.path.insert(0, str(SRC))
    from weir.kernel import rooms

    return [f"{name.replace('.', '/')}.py" for name in rooms.compiled_modules()]


def manifest(names: list[str]) -> dict[str, Any]:
    """Return the compiled modules, their sources and the tools."""
    return {
        "python": SUFFIX,
        "script": _digest(Path(__file__)),
        "sources": {name: _digest(PACKAGE / name) for name in names},
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def is_done(wanted: dict[str, Any]) -> bool:
    """Whether everything is compiled already, from just these sources, for this Python."""
    try:
        before = json.loads(MANIFEST.read_bytes())
    except (OSError, ValueError):
        return False
    built = before.get("built", [])
    return before == {**wanted, "built": built} and all((SRC / name).exists() for name in built)


def forget() -> None:
    """Remove what was compiled before, of whatever Python."""
    MANIFEST.unlink(missing_ok=True)
    for old in (*SRC.glob(f"{GROUP}*.so"), *PACKAGE.rglob("*.so")):
        old.unlink()


def what_is_missing() -> str | None:
    """Return the reason why nothing can be compiled here."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    if shutil.which(compiler.split()[0]) is None:
        return "there is no C compiler"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return "Python's header files are not installed"
    try:
        import mypyc.build  # noqa: F401
        import setuptools  # noqa: F401
    except ImportError:
        return "mypy and setuptools are not installed"
    return None


def build(names: list[str], work: Path) -> None:
    """Compile into the source folder. Raises CalledProcessError with the compiler's words."""
    command = [sys.executable, __file__, "--build", str(work), *names]
    subprocess.run(command, cwd=SRC, check=True, capture_output=True, text=True)


def build_here(work: str, names: list[str]) -> None:
    """Compile in a process of its own, since mypy and setuptools leave it changed."""
    from mypyc.build import mypycify
    from setuptools import setup

    _compile_side_by_side()
    flags = ["--config-file=", "--cache-dir=/dev/null", "--follow-imports=skip"]
    flags += ["--ignore-missing-imports"]
    extensions = mypycify(
        [*flags, *(f"weir/{name}" for name in names)],
        group_name=GROUP,
        opt_level="3",
        debug_level="0",
        multi_file=True,
        target_dir=f"{work}/c",
    )
    setup(
        name=GROUP,
        ext_modules=extensions,
        script_args=[
            "-q",
            "build_ext",
            "--inplace",
            f"--build-temp={work}/o",
            f"--build-lib={work}/l",
        ],
    )


def _compile_side_by_side() -> None:
    """Let setuptools compile the files of one extension on all cores, not one after the other."""
    from concurrent.futures import ThreadPoolExecutor

    from setuptools._distutils.ccompiler import CCompiler

    one_after_the_other = CCompiler.compile

    def compile_all(self, sources, **options):  # type: ignore[no-untyped-def]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            parts = pool.map(lambda each: one_after_the_other(self, [each], **options), sources)
            return [name for part in parts for name in part]

    CCompiler.compile = compile_all  # type: ignore[method-assign]


def main() -> int:
    if sys.argv[1:2] == ["--build"]:
        build_here(sys.argv[2], sys.argv[3:])
        return 0
    names = sources()
    wanted = manifest(names)
    if is_done(wanted):
        return 0
    missing = what_is_missing()
    forget()
    if missing is not None:
        print(f"The data plane runs interpreted, several times slower: {missing}.")
        return 0
    print(f"Compiling the data plane ({len(names)} modules); this takes about a minute ...")
    with tempfile.TemporaryDirectory(prefix="weir-compile-") as work:
        try:
            build(names, Path(work))
        except subprocess.CalledProcessError as error:
            forget()
            print(error.stdout, error.stderr, sep="\n")
            print("The data plane runs interpreted: it could not be compiled.")
            return 0
    built = [*SRC.glob(f"{GROUP}*{SUFFIX}"), *PACKAGE.rglob(f"*{SUFFIX}")]
    wanted["built"] = sorted(str(path.relative_to(SRC)) for path in built)
    MANIFEST.write_text(json.dumps(wanted, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
