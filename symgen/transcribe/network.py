"""The network that hears plucked zithers: which string is struck, what sounds, and how its pitch moves.

Harmonics are stacked first: for every pitch the network sees the bins at 0.5, 1, 2 .. 7 times its frequency side by
side (Bittner et al. 2022), so that one small kernel can weigh a whole tone. A convolution then steps from three bins a
semitone to one, and residual blocks look ahead and back in time, further with each block, and to the octaves above and
below, where what tells an octave from an overtone stands. No step knows absolute time, and each output depends on
:data:`Config.context` frames on either side only. It is taught here, with torch; recordings are heard by the same
weights in numpy (:mod:`symgen.transcribe.forward`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from symgen.transcribe import frontend
from symgen.transcribe.forward import HARMONICS, KEYS, LOWEST


@dataclass(frozen=True, slots=True)
class Config:
    """Size of a :class:`Transcriber`: channels, and frames of dilation of each block."""

    width: int = 32
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1, 2)

    def as_dict(self) -> dict[str, object]:
        """Return the fields for a checkpoint's JSON."""
        return asdict(self)

    @property
    def context(self) -> int:
        """Frames before and after a frame that its outputs depend on."""
        return 1 + sum(self.dilations)


def stack_harmonics(heard: Tensor) -> Tensor:
    """Return the harmonics of every output bin side by side.

    Parameters
    ----------
    heard : shape (batch, channels, frames, frontend.BINS)

    Returns
    -------
    shape (batch, channels * 8, frames, KEYS * 3 + 4)
        Two bins more on each side than the keys have, for the kernel that follows. Zero where no bin was heard.
    """
    per = frontend.BINS_PER_SEMITONE
    base = (LOWEST - frontend.LOWEST_PITCH) * per - 2
    width = KEYS * per + 4
    shifts = [round(12 * per * float(torch.log2(torch.tensor(ratio)))) for ratio in HARMONICS]
    before = max(0, -(base + min(shifts)))
    after = max(0, base + max(shifts) + width - heard.shape[-1])
    padded = nn.functional.pad(heard, (before, after))
    return torch.cat([padded[..., before + base + s : before + base + s + width] for s in shifts], dim=1)


class Block(nn.Module):
    """Residual block: three frames `dilation` apart by three keys, then five octaves of one key."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.near = nn.Conv2d(width, width, 3, padding=(dilation, 1), dilation=(dilation, 1), bias=False)
        self.near_norm = nn.BatchNorm2d(width)
        self.octaves = nn.Conv2d(width, width, (1, 3), padding=(0, 12), dilation=(1, 12), bias=False)
        self.octaves_norm = nn.BatchNorm2d(width)

    def forward(self, heard: Tensor) -> Tensor:
        """Return the same shape, (batch, width, frames, KEYS)."""
        inner = torch.relu(self.near_norm(self.near(heard)))
        return torch.relu(heard + self.octaves_norm(self.octaves(inner)))


class Transcriber(nn.Module):
    """Onset, frame and contour logits from the compressed spectra of :mod:`symgen.transcribe.frontend`."""

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config or Config()
        width = self.config.width
        self.stem = nn.Conv2d(frontend.CHANNELS * len(HARMONICS), width, (3, 7), stride=(1, 3), padding=(1, 0))
        self.place = nn.Parameter(torch.zeros(width, 1, KEYS))
        self.stem_norm = nn.BatchNorm2d(width)
        self.blocks = nn.ModuleList([Block(width, dilation) for dilation in self.config.dilations])
        self.heads = nn.Conv2d(width, 2 + frontend.BINS_PER_SEMITONE, 1)
        with torch.no_grad():
            self.heads.bias[:] = -4.0  # type: ignore[index]

    def forward(self, heard: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits of onset, frame ``(batch, frames, KEYS)`` and contour ``(batch, frames, KEYS * 3)``.

        Parameters
        ----------
        heard : shape (batch, frontend.CHANNELS, frames, frontend.BINS)
        """
        stacked = stack_harmonics(heard)  # (batch, 16, frames, 187)
        state = torch.relu(self.stem_norm(self.stem(stacked) + self.place))  # (batch, width, frames, 61)
        for block in self.blocks:
            state = block(state)
        out = self.heads(state)  # (batch, 5, frames, 61)
        contour = out[:, 2:].permute(0, 2, 3, 1).flatten(2)
        return out[:, 0], out[:, 1], contour
