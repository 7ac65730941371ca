"""A Chromium for the browser tests: the machine's own, else the one that an npm package carries along.

That one is unpacked once, beside the tools, and needs neither root, nor the network, nor fonts of the machine.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.home import ROOT
from infra.local.loopback import node

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGE = ROOT / "node_modules" / "@sparticuz" / "chromium"
TOOLS = ROOT / ".tools" / "chromium"
ARCHIVES = ("fonts", "al2023")

UNPACK = """
const { createReadStream, createWriteStream } = require('node:fs');
const { pipeline } = require('node:stream/promises');
const { createBrotliDecompress } = require('node:zlib');
const [from, to] = process.argv.slice(1);
pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to));
"""
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{folder}</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""


@dataclass(frozen=True)
class Chromium:
    """A browser that can be started: its program, and what it must find in its environment."""

    program: Path
    environment: dict[str, str] = field(default_factory=dict)


def find_chromium(tools: Path = TOOLS, search_path: str | None = None) -> Chromium:
    """The browser to test with.

    Parameters
    ----------
    tools
        Where the packaged one is unpacked.
    search_path
        Where to look for the machine's own; PATH by default.
    """
    here = next((found for name in NAMES if (found := shutil.which(name, path=search_path))), None)
    return Chromium(Path(here)) if here else _packaged(tools)


def _packaged(tools: Path) -> Chromium:
    assert PACKAGE.is_dir(), "there is no Chromium on this machine, and `make test` has not installed one"
    version = json.loads((PACKAGE / "package.json").read_text())["version"]
    folder = tools / version
    tools.mkdir(parents=True, exist_ok=True)
    with (tools / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _unpack(folder)
    libraries = [str(folder / "lib"), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    return Chromium(
        folder / "chromium",
        {"LD_LIBRARY_PATH": os.pathsep.join(libraries), "FONTCONFIG_FILE": str(folder / "fonts.conf")},
    )


def _unpack(folder: Path) -> None:
    draft = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    _decompress("chromium.br", draft / "chromium")
    (draft / "chromium").chmod(0o755)
    for name in ARCHIVES:
        _decompress(f"{name}.tar.br", draft / f"{name}.tar")
        with tarfile.open(draft / f"{name}.tar") as archive:
            archive.extractall(draft, filter="data")
        (draft / f"{name}.tar").unlink()
    (draft / "fonts.conf").write_text(FONTS.format(folder=folder / "fonts"))
    draft.rename(folder)


def _decompress(name: str, target: Path) -> None:
    subprocess.run([node(), "-e", UNPACK, PACKAGE / "bin" / name, target], check=True)
