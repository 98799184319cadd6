"""Doctor: whether this installation is whole."""

from __future__ import annotations

import importlib
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Any

from symgen.errors import SymgenError
from symgen.progress import Progress, silent
from symgen.resources import CHECKPOINTS_VARIABLE, checkpoints_dir

OLDEST_PYTHON = (3, 11)

_REQUIREMENT = re.compile(r"\s*([\w.-]+)\s*(?:\[[^]]*])?\s*\(?\s*(?:(==|>=)\s*([\w.+]+))?[^;]*(?:;(.*))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")
_MODULES = {"swift-f0": "swift_f0", "resvg-py": "resvg_py"}
_HIDDEN_EXTRAS = {"dev"}


class Status(StrEnum):
    """What a check came to."""

    OK = "ok"
    ABSENT = "-"
    """Something optional is not there."""
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and what to do where that is not right."""

    name: str
    status: Status
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All checks, in the order of a reader's interest."""

    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing failed; optional things may be absent."""
        return all(check.status is not Status.FAILED for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return ``{"healthy": bool, "checks": [{"name", "status", "found", "remedy"}]}``."""
        rows = [
            {"name": check.name, "status": check.status.name.lower(), "found": check.found, "remedy": check.remedy}
            for check in self.checks
        ]
        return {"healthy": self.healthy, "checks": rows}


@dataclass(frozen=True, slots=True)
class Requirement:
    """A distribution that symgen asks for: at least or exactly `version` ("" for any), for `extra` ("" for always)."""

    name: str
    relation: str = ""
    version: str = ""
    extra: str = ""

    @classmethod
    def parse(cls, text: str) -> Requirement:
        """Read the simple forms that symgen's own metadata uses, such as ``numpy>=2.0; extra == "x"``."""
        match = _REQUIREMENT.match(text)
        if match is None:
            return cls(text)
        name, relation, version, marker = match.groups()
        extra = _EXTRA.search(marker or "")
        return cls(name, relation or "", version or "", extra.group(1) if extra else "")

    def met_by(self, version: str) -> bool:
        """Return whether an installed version is right; build tags such as ``+cpu`` do not count."""
        if self.relation == "==":
            return version.partition("+")[0] == self.version
        return not self.relation or _numbers(version) >= _numbers(self.version)


def examine(progress: Progress = silent) -> Report:
    """Look at everything symgen needs to work.

    Returns
    -------
    Report
        Packages that are required are really imported, which takes some seconds.
    """
    checks = [check_python()]
    requirements = [Requirement.parse(text) for text in _own_requirements()]
    required = [requirement for requirement in requirements if not requirement.extra]
    for index, requirement in enumerate(required):
        progress(f"importing {requirement.name}", index, len(required))
        checks.append(check_package(requirement))
    checks += [check_extra(r) for r in requirements if r.extra and r.extra not in _HIDDEN_EXTRAS]
    progress("looking at checkpoints")
    checks += check_checkpoints(checkpoints_dir())
    checks.append(check_temporary_folder())
    return Report(tuple(checks))


def check_python() -> Check:
    """Check the version of the interpreter."""
    right = sys.version_info >= OLDEST_PYTHON
    remedy = "" if right else "install Python 3.11 or later"
    return Check("python", _status(right), f"{platform.python_version()} on {platform.system()}", remedy)


def check_package(requirement: Requirement) -> Check:
    """Check the version of a required package, and that it can be imported."""
    name = requirement.name
    remedy = f"pip install '{name}{requirement.relation}{requirement.version}'"
    try:
        version = metadata.version(name)
        importlib.import_module(_module_of(name))
    except metadata.PackageNotFoundError:
        return Check(name, Status.FAILED, "not installed", remedy)
    except (ImportError, OSError) as error:  # OSError: a shared library that the system lacks
        return Check(name, Status.FAILED, f"cannot be imported: {error}", remedy)
    if not requirement.met_by(version):
        found = f"{version}, expected {requirement.relation} {requirement.version}"
        return Check(name, Status.FAILED, found, remedy)
    return Check(name, Status.OK, version)


def check_extra(requirement: Requirement) -> Check:
    """Check whether a package of an extra is there; nothing fails if it is not."""
    name = f"{requirement.name} ({requirement.extra})"
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Check(name, Status.ABSENT, "not installed", f"if wanted: pip install 'symgen[{requirement.extra}]'")
    return Check(name, Status.OK, version)


def check_checkpoints(folder: Path) -> Iterator[Check]:
    """Check each checkpoint in a folder by loading it, and that there is one at all."""
    found = sorted(path.parent for path in folder.glob("*/checkpoint.json"))
    if not found:
        remedy = f"reinstall symgen, or name a folder of checkpoints in {CHECKPOINTS_VARIABLE}"
        yield Check("checkpoint", Status.FAILED, f"none in {folder}", remedy)
    for path in found:
        yield check_checkpoint(path)


def check_checkpoint(path: Path) -> Check:
    """Check a checkpoint by loading it."""
    name = f"checkpoint {path.name}"
    try:
        from symgen.transcribe import runtime

        if (path / runtime.WEIGHTS).exists():
            network = runtime.load(path)
            return Check(name, Status.OK, f"transcriber; {network.size:,} weights")
        from symgen.models.checkpoint import load_checkpoint

        checkpoint = load_checkpoint(path)
    except ImportError as error:
        return Check(name, Status.FAILED, f"cannot be loaded: {error}", "install what is missing first")
    except SymgenError as error:
        return Check(name, Status.FAILED, error.found, error.remedy)
    return Check(name, Status.OK, f"{', '.join(checkpoint.styles)}; weights sha256 {checkpoint.digest}")


def check_temporary_folder() -> Check:
    """Check that results can be written before they are moved into place."""
    try:
        with tempfile.TemporaryDirectory(prefix="symgen-") as folder:
            Path(folder, "probe").write_bytes(b"symgen")
        return Check("temporary folder", Status.OK, tempfile.gettempdir())
    except OSError as error:
        return Check("temporary folder", Status.FAILED, str(error), "free some space, or name a folder in TMPDIR")


def _own_requirements() -> list[str]:
    """Return the requirements in symgen's metadata, or those of the source tree where it is not installed."""
    try:
        return metadata.requires("symgen") or []
    except metadata.PackageNotFoundError:
        import tomllib

        project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
        extras = project["optional-dependencies"].items()
        return [*project["dependencies"], *(f"{text}; extra == '{extra}'" for extra, texts in extras for text in texts)]


def _module_of(name: str) -> str:
    return _MODULES.get(name, name.replace("-", "_"))


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, enough to tell 0.30 from 0.4."""
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def _status(right: bool) -> Status:
    return Status.OK if right else Status.FAILED
