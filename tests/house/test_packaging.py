"""What is distributed: the source, and the wheels that an installer makes of it with and without Rust.

Nothing is downloaded and nothing compiled: the build tools are those of the running environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from importlib import metadata
from pathlib import Path

import pytest
from test_tidy import FILES, ROOT

BUILD = "import sys, setuptools.build_meta as backend; print(getattr(backend, 'build_' + sys.argv[1])(sys.argv[2]))"
NEEDED = ("pyproject.toml", "setup.py", "setup.cfg", "README.md", "LICENSE", "kernel/Cargo.toml", "kernel/Cargo.lock")


def has_build_tools() -> bool:
    try:
        metadata.version("setuptools-rust")
        return int(metadata.version("setuptools").split(".")[0]) >= 77
    except metadata.PackageNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not has_build_tools(), reason="needs setuptools>=77 and setuptools-rust")


def python(*argv: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in an environment where nothing is found, neither cargo nor an installation in development (-S)."""
    lean = {"PATH": str(cwd / "nowhere"), "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    if "SYSTEMROOT" in os.environ:
        lean["SYSTEMROOT"] = os.environ["SYSTEMROOT"]  # Python does not start on Windows without
    return subprocess.run([sys.executable, "-S", *argv], cwd=cwd, env=lean, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unpacked source distribution of a clean copy: what an earlier build left must not slip in."""
    copy = tmp_path_factory.mktemp("copy")
    for path in FILES:
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    built = python("-c", BUILD, "sdist", "dist", cwd=copy)
    assert built.returncode == 0, built.stderr
    with tarfile.open(next((copy / "dist").glob("*.tar.gz"))) as archive:
        archive.extractall(copy / "unpacked", filter="data")
    return next((copy / "unpacked").iterdir())


def wheel(source: Path, folder: Path, **environment: str) -> Path:
    """Build the wheel of a copy of the source in a folder."""
    shutil.copytree(source, folder / "source")
    built = python("-c", BUILD, "wheel", str(folder), cwd=folder / "source", **environment)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


def test_the_source_distribution_has_the_kernel_and_what_a_build_needs(source: Path) -> None:
    there = {path.relative_to(source).as_posix() for path in source.rglob("*")}
    assert set(NEEDED) <= there
    assert {p.relative_to(ROOT).as_posix() for p in FILES if p.is_relative_to(ROOT / "kernel" / "src")} <= there
    assert not any({"target", "fuzz"} & set(Path(name).parts) or name.endswith((".so", ".pyc")) for name in there)


def test_without_cargo_the_wheel_fits_any_platform_and_works(source: Path, tmp_path: Path) -> None:
    path = wheel(source, tmp_path)
    assert path.name.endswith("-py3-none-any.whl")
    site = tmp_path / "site"
    offline = ("--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check")
    installed = python("-m", "pip", "install", *offline, "--target", str(site), str(path), cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    paths = os.pathsep.join([str(site), *sys.path])
    code = "import lob_backtest; from lob_backtest.engine import is_built; print(lob_backtest.__file__, is_built())"
    asked = python("-c", code, cwd=tmp_path, PYTHONPATH=paths)
    assert asked.stdout.split() == [str(site / "lob_backtest" / "__init__.py"), "False"], asked.stderr
    told = python("-m", "lob_backtest.cli", "doctor", cwd=tmp_path, PYTHONPATH=paths)
    assert "not built: cargo was not found" in told.stdout


def test_without_cargo_a_build_that_requires_the_kernel_says_what_is_missing(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "source")
    failed = python("-c", BUILD, "wheel", str(tmp_path), cwd=tmp_path / "source", LOB_REQUIRE_KERNEL="1")
    assert failed.returncode != 0
    assert "can't find Rust compiler" in failed.stderr
    assert not list(tmp_path.glob("*.whl"))


def test_with_cargo_the_wheel_is_for_one_platform_and_many_pythons(source: Path, tmp_path: Path) -> None:
    cargo = tmp_path / "bin" / "cargo"  # only its being there decides; what it builds is another matter
    cargo.parent.mkdir()
    cargo.write_text("#!/bin/sh\nexit 1\n")
    cargo.chmod(0o755)
    _, python_tag, abi, platform = wheel(source, tmp_path, PATH=str(cargo.parent)).stem.rsplit("-", 3)
    assert (python_tag, abi) == ("cp311", "abi3")
    assert platform != "any"
