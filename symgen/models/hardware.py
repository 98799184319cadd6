"""What a training runs on: a device, a precision, and the other processes that train with it.

Under ``torchrun`` each process (a *rank*) takes its share of the rows of the same batch, and gradients are averaged by
DistributedDataParallel: the number of processes changes how long an update takes, not what it is. Rank 0 alone reads
and writes files; what it finds, it tells the others.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeVar, cast

import numpy as np
import torch
from torch import nn

from symgen.errors import SymgenError, UsageError

DEVICES: Final = ("auto", "cpu", "cuda", "mps")
PRECISIONS: Final = {"auto": None, "float32": torch.float32, "bfloat16": torch.bfloat16}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Hardware:
    """A device and the processes that share a training.

    Parameters
    ----------
    device : torch.device
        Where tensors lie.
    precision : torch.dtype
        Of matrix products in training; weights, moments and losses are always float32.
    compiled : bool
        Whether networks are compiled by ``torch.compile``.
    rank, ranks : int
        Number of this process, and how many there are.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: torch.dtype = torch.float32
    compiled: bool = False
    rank: int = 0
    ranks: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that reads, writes and tells."""
        return self.rank == 0

    def prepare(self, model: nn.Module) -> nn.Module:
        """Return what to call in training instead of a network that lies on this device; the weights are shared."""
        if self.ranks > 1:
            ids = [self.device.index] if self.device.type == "cuda" else None
            model = nn.parallel.DistributedDataParallel(model, device_ids=ids, broadcast_buffers=False)
        return cast(nn.Module, torch.compile(model, dynamic=True)) if self.compiled else model

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context of the forward pass."""
        if self.precision == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.precision)

    def rows(self, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return which of `count` rows of a batch are this process's: every `ranks`-th."""
        return np.arange(self.rank, count, self.ranks)

    def total(self, *values: float) -> list[float]:
        """Return the sums of some numbers over all processes."""
        if self.ranks == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64, device="cpu")
        torch.distributed.all_reduce(tensor)
        return [float(value) for value in tensor]

    def from_first(self, make: Callable[[], T]) -> T:
        """Return on every process what rank 0 makes; an error of symgen's there is raised on all.

        Parameters
        ----------
        make : callable
            Called by rank 0 only.
        """
        if self.ranks == 1:
            return make()
        said: list[Any] = [None, None]
        if self.first:
            try:
                said[0] = make()
            except (SymgenError, KeyboardInterrupt) as error:
                said[1] = error
        torch.distributed.broadcast_object_list(said, src=0)
        if said[1] is not None:
            raise said[1]
        return cast(T, said[0])


CPU: Final = Hardware()
"""One process on the processor, in float32."""


@contextmanager
def hardware(device: str = "auto", precision: str = "auto", *, compiled: bool = False) -> Iterator[Hardware]:
    """Open the hardware for a training, with the other processes if ``torchrun`` started this one.

    An error that ends the training is told by rank 0; the others end with its exit code and say nothing.

    Parameters
    ----------
    device : str
        One of :data:`DEVICES`; "auto" is a CUDA device if there is one, else the processor.
    precision : str
        One of :data:`PRECISIONS`; "auto" is bfloat16 on a CUDA device that has it, else float32.
    compiled : bool
        Whether to compile networks.

    Raises
    ------
    UsageError
        If there is no such device or precision here, or the environment names an odd process.
    """
    rank, ranks, local = (_variable(name, least) for name, least in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0)))
    found = Hardware(_device(device, local), torch.float32, compiled, rank, ranks)
    found = Hardware(found.device, _precision(precision, found.device), compiled, rank, ranks)
    try:
        if ranks > 1:
            _join(found)
        yield found
        if ranks > 1:  # who leaves first takes the connections from those who still listen
            torch.distributed.barrier()
    except (SymgenError, KeyboardInterrupt) as error:
        if rank == 0:
            raise
        raise SystemExit(getattr(error, "exit_code", 130)) from error
    except RuntimeError as error:
        if rank == 0 or "onnection" not in str(error):
            raise
        raise SystemExit(1) from error  # the first process has left, and says why
    finally:
        if ranks > 1 and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _join(found: Hardware) -> None:
    if found.device.type == "cuda":
        torch.cuda.set_device(found.device)
    backend = "cpu:gloo,cuda:nccl" if found.device.type == "cuda" else "gloo"
    try:
        torch.distributed.init_process_group(
            backend, rank=found.rank, world_size=found.ranks, timeout=timedelta(days=2)
        )
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"{found.ranks} processes cannot meet: {reason}", remedy="start them with torchrun") from error


def _variable(name: str, least: int) -> int:
    text = os.environ.get(name, str(least))
    if not text.isdecimal() or int(text) < least:
        raise UsageError(f"the environment variable {name} is {text!r}", expected="what torchrun sets, or nothing")
    return int(text)


def _device(name: str, local: int) -> torch.device:
    if name not in DEVICES:
        raise UsageError(f"device {name!r}", expected=f"one of {', '.join(DEVICES)}")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if local >= count:
            raise UsageError(
                f"torch finds {count} CUDA devices here, and process {local} needs one of its own",
                remedy="use --device cpu, or start fewer processes",
            )
        return torch.device("cuda", local)
    if name == "mps" and not torch.backends.mps.is_available():
        raise UsageError("torch finds no MPS device here", remedy="use --device cpu")
    return torch.device(name)


def _precision(name: str, device: torch.device) -> torch.dtype:
    if name not in PRECISIONS:
        raise UsageError(f"precision {name!r}", expected=f"one of {', '.join(PRECISIONS)}")
    wanted = PRECISIONS[name]
    if wanted is not None:
        return wanted
    return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
