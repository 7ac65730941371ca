"""Builds what the Lambdas are made of, without Docker, into ``.build/``.

::

    .build/dependencies/python/...          layer: third-party packages, slimmed
    .build/stamkunde/python/stamkunde/...   layer: our own code
    .build/functions/<name>/<name>/...      one folder per Lambda

The dependency layer is installed for the Lambda's platform (arm64) and gets the native modules of the
interpreter at hand beside them: their file names carry the platform, so one asset serves AWS and the laptop.

Every module is byte-compiled with an unchecked hash. Lambda unzips with new time stamps, which makes
time-stamped byte code stale, and starting without byte code takes 2.4 times as long. The bytes depend on
nothing but the sources and the interpreter, so an unchanged source tree gives an unchanged asset.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra import slimming
from stamkunde import service_data

ROOT = Path(__file__).resolve().parent.parent

LAMBDA_PYTHON = (3, 13)
LAMBDA_PLATFORM = "aarch64-manylinux2014"

# Where the code lies in a Lambda: written into the byte code instead of the build machine's folders.
LAYER_FOLDER = "/opt"
FUNCTION_FOLDER = "/var/task"


class PackagingError(Exception):
    """The packages cannot be built; the message says what to do about it."""


@dataclass(frozen=True)
class Packages:
    """The finished folders: two layers and one folder per function."""

    dependencies: Path
    stamkunde: Path
    functions: dict[str, Path]

    def layers_on_path(self) -> list[Path]:
        """The layers' module folders in the order in which a Lambda searches them."""
        return [self.dependencies / "python", self.stamkunde / "python"]


def build(root: Path = ROOT) -> Packages:
    """Build what has changed since the last time and return the folders.

    Safe to call from several processes at once: the second one waits, then finds everything built.
    """
    if sys.version_info[:2] != LAMBDA_PYTHON:
        wanted = ".".join(map(str, LAMBDA_PYTHON))
        raise PackagingError(f"packages are built with Python {wanted}, the Lambda runtime's; this is {sys.version}")
    target = root / ".build"
    with _only_builder(target):
        dependencies = _build_dependencies(root, target)
        stamkunde = _build_stamkunde(root, target)
        functions = _build_functions(root, target)
    return Packages(dependencies, stamkunde, functions)


def _build_dependencies(root: Path, target: Path) -> Path:
    requirements = root / "layers" / "dependencies" / "requirements.txt"
    digest = _digest([(requirements.name, requirements)], extra=f"{platform.system()} {platform.machine()}")

    def fill(folder: Path) -> None:
        packages = folder / "python"
        for_lambda = (
            "--python-platform",
            LAMBDA_PLATFORM,
            "--python-version",
            ".".join(map(str, LAMBDA_PYTHON)),
        )
        _install(root, requirements, packages, for_lambda)
        with tempfile.TemporaryDirectory(dir=target) as local:
            _install(root, requirements, Path(local), ())
            _add_native_modules(Path(local), packages)
        slimming.slim(packages)
        _compile(folder, LAYER_FOLDER)

    return _rebuild_if_changed(target / "dependencies", digest, fill)


def _build_stamkunde(root: Path, target: Path) -> Path:
    source = root / "layers" / "stamkunde" / "python"

    def fill(folder: Path) -> None:
        _copy_sources(source, folder / "python")
        _compile_templates(folder / "python")
        _compile(folder, LAYER_FOLDER)

    return _rebuild_if_changed(target / "stamkunde", _digest(_sources(source)), fill)


def _build_functions(root: Path, target: Path) -> dict[str, Path]:
    sources = {handler.parent.name: handler.parent for handler in sorted((root / "functions").glob("*/handler.py"))}
    built = {name: _build_function(source, target / "functions" / name) for name, source in sources.items()}
    for leftover in (target / "functions").glob("*"):
        if leftover.name.removesuffix(".digest") not in built:
            _remove(leftover)
    return built


def _build_function(source: Path, target: Path) -> Path:
    def fill(folder: Path) -> None:
        _copy_sources(source, folder / source.name)
        _compile(folder, FUNCTION_FOLDER)

    return _rebuild_if_changed(target, _digest(_sources(source)), fill)


# -- rebuild only what changed


@contextmanager
def _only_builder(target: Path) -> Iterator[None]:
    target.mkdir(exist_ok=True)
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _rebuild_if_changed(target: Path, digest: str, fill: Callable[[Path], None]) -> Path:
    """Let ``fill`` make the folder anew unless it was made from the same inputs."""
    record = target.with_name(target.name + ".digest")
    if target.is_dir() and record.is_file() and record.read_text() == digest:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    # A digest is only ever there beside a finished folder, whenever this process is killed.
    record.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as workshop:
        fresh = Path(workshop) / target.name
        fresh.mkdir()
        fill(fresh)
        if target.exists():
            target.rename(Path(workshop) / "old")
        fresh.rename(target)
    record.write_text(digest)
    return target


def _digest(files: Iterable[tuple[str, Path]], extra: str = "") -> str:
    """Digest of the inputs, of this recipe and of the interpreter whose byte code is shipped."""
    digest = hashlib.sha256(f"{sys.version}\0{extra}\0".encode())
    for recipe in (__file__, slimming.__file__, service_data.__file__):
        digest.update(Path(recipe).read_bytes())
    for name, path in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{name}\0{content}\0".encode())
    return digest.hexdigest()


def _sources(folder: Path) -> list[tuple[str, Path]]:
    """The files of a source folder with their relative names, without what Python and editors leave there."""
    return [
        (path.relative_to(folder).as_posix(), path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _is_leftover(path.relative_to(folder))
    ]


def _is_leftover(path: Path) -> bool:
    return path.suffix == ".pyc" or any(part == "__pycache__" or part.startswith(".") for part in path.parts)


def _copy_sources(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for name, path in _sources(source):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


# -- third-party packages


def _install(root: Path, requirements: Path, target: Path, platform_options: tuple[str, ...]) -> None:
    uv = root / ".tools" / "bin" / "uv"
    if not uv.is_file():
        raise PackagingError(f"{uv.relative_to(root)} is missing; `make .tools/bin/uv` installs it")
    # Copies, not links into uv's cache: the files are changed afterwards.
    command = [str(uv), "pip", "install", "--quiet", "--link-mode", "copy", "--python", sys.executable]
    command += ["--target", str(target), *platform_options]
    command += ["--only-binary", ":all:", "--require-hashes", "--no-deps", "-r", str(requirements)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        raise PackagingError(f"installing {requirements.relative_to(root)} failed:\n{outcome.stderr.strip()}")


def _add_native_modules(source: Path, target: Path) -> None:
    for module in sorted(source.rglob("*.so")):
        copy = target / module.relative_to(source)
        if not copy.exists():
            shutil.copyfile(module, copy)


# -- templates and byte code


def _compile_templates(packages: Path) -> None:
    """Turn the pages' templates into modules, in a process that knows nothing but these sources."""
    command = [sys.executable, "-B", "-P", "-c", _TEMPLATE_COMPILER, str(packages)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        raise PackagingError(f"compiling the templates failed:\n{outcome.stderr}".strip())


_TEMPLATE_COMPILER = """
import sys
sys.path.insert(0, sys.argv[1])
from stamkunde.web.pages import COMPILED, environment
made = environment()
made.compile_templates(COMPILED, zip=None, ignore_errors=False)
"""


def _compile(folder: Path, in_lambda: str) -> None:
    """Compile a tree in a process of its own.

    How a constant is written depends on what else the compiling process holds: a fresh process with a fixed
    hash seed and order makes the bytes the same every time.
    """
    command = [sys.executable, "-s", "-P", "-m", "compileall", "-q", "-f", "-j", "1"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", in_lambda, str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONHASHSEED"] = "0"
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if outcome.returncode != 0:
        raise PackagingError(f"compiling {folder.name} failed:\n{outcome.stdout}{outcome.stderr}".strip())
