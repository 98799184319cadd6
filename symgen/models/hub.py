"""Checkpoints on the Hugging Face Hub, through the extra ``hub``: one folder up, the same folder down.

Only files that a checkpoint consists of are sent or fetched, none of which can hold code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from symgen.errors import CheckpointError, UsageError

REPOSITORY: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
"""What names a repository: owner and name."""


def download(repo_id: str, files: Iterable[str], revision: str | None = None) -> Path:
    """Fetch files of a checkpoint into the Hub's cache and return their folder.

    Raises
    ------
    UsageError
        If the extra is not installed.
    CheckpointError
        If they cannot be fetched.
    """
    hub = _hub()
    try:
        return Path(hub.snapshot_download(repo_id, revision=revision, allow_patterns=list(files)))
    except Exception as error:
        raise CheckpointError(
            f"{repo_id} cannot be fetched: {_reason(error)}", remedy="check the name and the connection"
        ) from error


def upload(folder: Path, repo_id: str, files: Iterable[str], *, private: bool, message: str) -> str:
    """Send files of a checkpoint to a repository, made if it is not there, and return its address.

    Raises
    ------
    UsageError
        If the extra is not installed, or that is no name of a repository.
    CheckpointError
        If they cannot be sent.
    """
    if not REPOSITORY.fullmatch(repo_id):
        raise UsageError(f"repository {repo_id!r}", expected="owner/name")
    api = _hub().HfApi()
    try:
        address = api.create_repo(repo_id, private=private, exist_ok=True)
        api.upload_folder(repo_id=repo_id, folder_path=str(folder), allow_patterns=list(files), commit_message=message)
    except Exception as error:
        raise CheckpointError(
            f"{repo_id} cannot be written: {_reason(error)}", remedy="log in with hf auth login, and check the name"
        ) from error
    return str(address)


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise UsageError(
            "the package huggingface_hub is not installed", remedy="install the extra: pip install 'symgen[hub]'"
        ) from error
    return huggingface_hub


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
