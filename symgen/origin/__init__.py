"""Honest origin: what made a piece, with what, and what was checked on it; carried by the piece and read back."""

from symgen.origin.carrying import Carried, lineage_of, read_origin, sidecar_of, stamped, write_piece, write_sidecar
from symgen.origin.guarantees import Guarantee, Promise, guarantee, guarantees, read_back
from symgen.origin.plain import from_plain, to_plain
from symgen.origin.record import NOT_KEPT, Ancestor, Made, Origin, plain_request

__all__ = [
    "NOT_KEPT",
    "Ancestor",
    "Carried",
    "Guarantee",
    "Made",
    "Origin",
    "Promise",
    "from_plain",
    "guarantee",
    "guarantees",
    "lineage_of",
    "plain_request",
    "read_back",
    "read_origin",
    "sidecar_of",
    "stamped",
    "to_plain",
    "write_piece",
    "write_sidecar",
]
