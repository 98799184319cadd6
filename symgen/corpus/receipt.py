"""The receipt of a fetched corpus: what was fetched, from where, when, under which licence wording."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from symgen.corpus.bring import Brought
from symgen.corpus.catalogue import Declaration
from symgen.corpus.contents import RECEIPT, contents_digest, files_of
from symgen.errors import CorpusError
from symgen.files import write_text
from symgen.resources import version

Receipt = dict[str, Any]


def write_receipt(declaration: Declaration, folder: Path, brought: Brought) -> Receipt:
    """Write the receipt of what lies in a folder, and return what it says.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    corpus, files = declaration.corpus, _files_in(folder)
    receipt = {
        "name": corpus.name,
        "title": corpus.title,
        "source": corpus.source,
        "licence": corpus.licence,
        "accepted": True,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "url": brought.url,
        "bytes": brought.bytes,
        "sha256": brought.sha256,
        "verified": brought.verified,
        "files": len(files),
        "contents": contents_digest(files),
        "symgen": version(),
    }
    write_text(folder / RECEIPT, json.dumps(receipt, ensure_ascii=False, indent=2) + "\n")
    return receipt


def read_receipt(folder: Path) -> Receipt | None:
    """Return what the receipt in a folder says, None if there is none that can be read."""
    try:
        receipt = json.loads((folder / RECEIPT).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return receipt if isinstance(receipt, dict) and isinstance(receipt.get("contents"), str) else None


def check_receipt(folder: Path) -> Receipt:
    """Return the receipt of a fetched corpus whose files are as they were.

    Raises
    ------
    CorpusError
        If there is no receipt, or files were changed, added or removed.
    """
    receipt = read_receipt(folder)
    if receipt is None:
        raise CorpusError(
            f"{folder} is there and holds no receipt", remedy="choose another folder, or --anew to replace it"
        )
    if contents_digest(_files_in(folder)) != receipt["contents"]:
        raise CorpusError(
            f"{folder} was changed since it was fetched", remedy="keep it as it is, or --anew to replace it"
        )
    return receipt


def _files_in(folder: Path) -> list[Path]:
    return [file for file in files_of(folder) if file != folder / RECEIPT]
