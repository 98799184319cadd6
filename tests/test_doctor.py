"""Doctor: each check on an installation that is whole, and on one that is not."""

import json
from importlib import metadata
from pathlib import Path

import pytest

from symgen import doctor
from symgen.doctor import Check, Report, Requirement, Status

TEXTS = [
    ("torch==2.13.0", Requirement("torch", "==", "2.13.0")),
    ("numpy>=2.0", Requirement("numpy", ">=", "2.0")),
    ("swift-f0>=0.1.2; extra == 'audio'", Requirement("swift-f0", ">=", "0.1.2", "audio")),
    ('ruff>=0.12 ; extra == "dev"', Requirement("ruff", ">=", "0.12", "dev")),
    ("rich", Requirement("rich")),
]


@pytest.mark.parametrize(("text", "requirement"), TEXTS)
def test_requirements_are_read(text: str, requirement: Requirement):
    assert Requirement.parse(text) == requirement


@pytest.mark.parametrize(
    ("text", "version", "met"),
    [
        ("torch==2.13.0", "2.13.0+cpu", True),
        ("torch==2.13.0", "2.13.1", False),
        ("numpy>=2.0", "2.4.6", True),
        ("numpy>=2.0", "1.26.4", False),
        ("rich>=13", "9.1", False),
        ("pretty_midi>=0.2.11", "0.2.11.post0", True),
        ("rich", "0", True),
    ],
)
def test_versions_are_compared_as_numbers(text: str, version: str, met: bool):
    assert Requirement.parse(text).met_by(version) is met


def test_the_project_s_own_requirements_are_understood():
    requirements = [Requirement.parse(text) for text in doctor._own_requirements()]
    assert {"torch", "numpy", "mido", "music21"} <= {r.name for r in requirements if not r.extra}
    assert all(r.version for r in requirements)


def test_packages():
    assert doctor.check_package(Requirement("mido")).status is Status.OK
    missing = doctor.check_package(Requirement("symgen-no-such-package", ">=", "1"))
    assert (missing.status, missing.found) == (Status.FAILED, "not installed")
    assert missing.remedy == "pip install 'symgen-no-such-package>=1'"
    old = doctor.check_package(Requirement("mido", ">=", "99"))
    assert old.found == f"{metadata.version('mido')}, expected >= 99"


def test_a_package_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch):
    def broken(name: str) -> None:
        raise OSError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    check = doctor.check_package(Requirement("mido"))
    assert check.status is Status.FAILED
    assert "libgomp" in check.found


def test_an_extra_may_be_absent():
    check = doctor.check_extra(Requirement("symgen-no-such-package", extra="audio"))
    assert check.status is Status.ABSENT
    assert "symgen[audio]" in check.remedy
    assert Report((check,)).healthy


def test_checkpoints(tmp_path: Path):
    (missing,) = doctor.check_checkpoints(tmp_path)
    assert (missing.status, str(tmp_path) in missing.found) == (Status.FAILED, True)
    (tmp_path / "zither").mkdir()
    (tmp_path / "zither" / "checkpoint.json").write_text("{", encoding="utf-8")
    (broken,) = doctor.check_checkpoints(tmp_path)
    assert (broken.name, broken.status) == ("checkpoint zither", Status.FAILED)


def test_python_and_the_temporary_folder_are_fine_here():
    assert doctor.check_python().status is Status.OK
    assert doctor.check_temporary_folder().status is Status.OK


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch):
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(doctor.tempfile, "TemporaryDirectory", full)
    check = doctor.check_temporary_folder()
    assert check.status is Status.FAILED
    assert "No space left" in check.found


def test_a_report_as_json():
    report = Report((Check("a", Status.OK, "1"), Check("b", Status.FAILED, "gone", "get it")))
    assert not report.healthy
    assert json.loads(json.dumps(report.as_json()))["checks"][1] == {
        "name": "b",
        "status": "failed",
        "found": "gone",
        "remedy": "get it",
    }
