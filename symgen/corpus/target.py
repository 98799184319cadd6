"""Where an export goes: a folder with a file a split, or one file; nothing of somebody else's is lost there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from symgen.corpus.card import SIGNATURE
from symgen.corpus.dataset import SPLITS
from symgen.corpus.export import FORMATS
from symgen.errors import UsageError
from symgen.files import make_folder

CARD: Final = "README.md"
"""Name of the card in the folder of an export."""

_HEAD = 4096
"""Bytes of a card in which its signature stands."""

_NOT_WRITTEN = ("json", "csv", "tsv", "txt", "gz", "zip")
"""Suffixes by which somebody asks for a file that there is no format for."""


@dataclass(frozen=True, slots=True)
class Target:
    """The place of an export.

    Parameters
    ----------
    output : Path
        A folder, or the file.
    format : str
        One of :data:`symgen.corpus.export.FORMATS`.
    is_file : bool
        Whether `output` is the file that gets all rows.
    """

    output: Path
    format: str
    is_file: bool

    @property
    def card(self) -> Path:
        """The card: ``README.md`` in the folder, or beside the file under its name."""
        return self.output.with_suffix(".md") if self.is_file else self.output / CARD

    def prepare(self, dataset: Path, splits: Sequence[str], only: str | None) -> dict[str, Path]:
        """Return the file of each split, one for all under "", and make the folder.

        Parameters
        ----------
        dataset : Path
            The dataset, which must not lie at the same place.
        splits : sequence of str
            Splits that have rows.
        only : str or None
            The one that was asked for.

        Raises
        ------
        UsageError
            If something stands there that no export wrote.
        WriteError
            If the folder cannot be made.
        """
        folder = self.output.parent if self.is_file else self.output
        if folder.resolve() == dataset.resolve():
            raise UsageError(f"{folder} is the dataset itself", remedy="name another place with -o")
        if self.is_file:
            self._refuse_foreign([self.card])
            return {only or "": self.output}
        make_folder(folder)
        self._refuse_foreign([self.card, *self._data_files()])
        return {split: folder / f"{split}.{self.format}" for split in splits}

    @contextmanager
    def without_stale(self, files: Mapping[str, Path]) -> Iterator[None]:
        """Remove what an earlier export left in the folder, if the block ends without an error."""
        yield
        if not self.is_file:
            for path in self._data_files():
                if path not in files.values():
                    path.unlink(missing_ok=True)

    def _data_files(self) -> list[Path]:
        """Return every file that an export to a folder can write besides the card."""
        return [self.output / f"{split}.{kind}" for split in SPLITS for kind in FORMATS]

    def _refuse_foreign(self, files: Sequence[Path]) -> None:
        """Refuse to write over files where no card says that they are of an export."""
        try:
            with self.card.open("rb") as card:
                ours = SIGNATURE.encode() in card.read(_HEAD)
        except OSError:
            ours = False
        if not ours and (foreign := next((file for file in files if os.path.lexists(file)), None)):
            raise UsageError(
                f"{foreign} is not of an export",
                expected="a place without such a file, or an earlier export",
                remedy="name another with -o",
            )


def target_of(output: Path, format_name: str | None) -> Target:
    """Return the place of an export, by the suffix of its name and the format that was asked for.

    Raises
    ------
    UsageError
        If there is no such format, or the two do not agree.
    """
    suffix = output.suffix.lower().removeprefix(".")
    is_file = suffix in FORMATS and not output.is_dir()
    name = format_name or (suffix if is_file else "jsonl")
    if name not in FORMATS:
        raise UsageError(f"format {name!r}", expected=f"one of {', '.join(FORMATS)}")
    if is_file and suffix != name:
        raise UsageError(f"{output} in the format {name}", expected=f"a file .{name}, or a folder")
    if suffix in _NOT_WRITTEN and not output.is_dir():
        raise UsageError(f"a file .{suffix}", expected=f"a folder, or a file {' or '.join(f'.{f}' for f in FORMATS)}")
    return Target(output, name, is_file)
