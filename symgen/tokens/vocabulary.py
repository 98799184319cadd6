"""Vocabulary: an explicit, ordered list of tokens with the factors that each is made of.

The order is part of every checkpoint and dataset: a digest of it is stored with them and compared
when they are opened, so that no model is ever fed numbers that mean something else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of one family.

    Parameters
    ----------
    family : str
        Name of the family: "rhythm", "melody" or "chord".
    names : tuple of str
        One readable name a token; its place is the token's number. Token 0 is ``<start>``, which stands
        before the first step and is never generated.
    factors : mapping of str to ndarray of int64, shape (len(names),)
        What a token is made of, one row a factor, e.g. ``degree`` and ``octave``. Networks share the
        embeddings of factors between tokens.
    """

    family: str
    names: tuple[str, ...]
    factors: Mapping[str, NDArray[np.int64]]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"vocabulary {self.family} names a token twice")
        for name, column in self.factors.items():
            if column.shape != (len(self.names),):
                raise ValueError(f"factor {name} of vocabulary {self.family} has shape {column.shape}")

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def number(self) -> Mapping[str, int]:
        """Token number by name."""
        return {name: index for index, name in enumerate(self.names)}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of family and order, hexadecimal."""
        return hashlib.sha256("\n".join((self.family, *self.names)).encode()).hexdigest()


START = 0
"""Number of ``<start>`` in every family."""
