"""Use case: a piece sent out as MIDI while it sounds, to a port of a synthesizer or a DAW.

The ports are those of mido, through python-rtmidi or, on a Python that has no wheel of it, through pygame's portmidi:
the extra ``live``.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from symgen.errors import ReadError, UsageError, one_line
from symgen.files import settle_paths
from symgen.progress import Progress, silent

BACKENDS: Final = {"rtmidi": "mido.backends.rtmidi", "pygame": "mido.backends.pygame"}
"""Package -> backend of mido, in the order in which they are tried."""

MIDI_SUFFIXES: Final = (".mid", ".midi", ".smf")
CHANNELS: Final = 16
_SILENCE: Final = (64, 120, 121, 123)
"""Controllers set to 0 at the end: pedal; all sound off; reset all controllers; all notes off (MIDI 1.0)."""
_THROUGH: Final = "midi through"
"""A port that Linux always has and nobody hears."""


class Port(Protocol):
    """An open output port, as mido has it."""

    def send(self, message: Any) -> None:
        """Send a message now."""

    def close(self) -> None:
        """Give the port back."""


class Ports(Protocol):
    """A backend of mido."""

    def get_output_names(self) -> list[str]:
        """Return the ports there are."""

    def open_output(self, name: str) -> Port:
        """Open one of them."""


@dataclass(frozen=True, slots=True)
class PlayRequest:
    """What to play.

    Parameters
    ----------
    file : Path
        MIDI is sent as it is; a score of another format as the writer of MIDI writes it.
    port : str, optional
        Name of a port, or a part of one; by default the first that somebody may hear.
    piece : int
        Which piece of a tune book, from 1.
    """

    file: Path
    port: str | None = None
    piece: int = 1

    def __post_init__(self) -> None:
        settle_paths(self)


@dataclass(frozen=True, slots=True)
class PlayResult:
    """What was played.

    Parameters
    ----------
    file : Path
        The file.
    port : str
        Name of the port.
    messages : int
        How many messages were sent, without those that silence it.
    seconds : float
        Length of what was sent.
    dropped : int
        System-exclusive messages of the file that were not sent: they are for the device that they were written for,
        and may change settings of another.
    """

    file: Path
    port: str
    messages: int
    seconds: float
    dropped: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "file": str(self.file), "port": self.port, "messages": self.messages, "seconds": round(self.seconds, 3),
            "dropped": self.dropped,
        }  # fmt: skip


def port_names(ports: Ports | None = None) -> list[str]:
    """Return the names of the output ports, each once.

    Raises
    ------
    UsageError
        If the extra ``live`` is not installed or the system has no MIDI.
    """
    ports = _ports() if ports is None else ports
    try:
        return list(dict.fromkeys(ports.get_output_names()))
    except Exception as error:  # whatever the system's MIDI raises
        raise UsageError(
            f"this system's MIDI cannot be reached ({one_line(str(error))})",
            remedy="on Linux load ALSA's sequencer: modprobe snd-seq; in a container there is none",
        ) from error


def play_file(
    request: PlayRequest,
    progress: Progress = silent,
    *,
    ports: Ports | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> PlayResult:
    """Play a file to its end; on an interrupt, too, every channel is silenced and the port given back.

    System-exclusive messages are left out.

    Parameters
    ----------
    request : PlayRequest
        What to play.
    progress : Progress
        Told of the seconds played.
    ports, clock, sleep
        Where messages go and what time it is; by default mido's ports and the clock.

    Raises
    ------
    UsageError
        If there is no such port, or none at all.
    ReadError
        If the file cannot be read.
    """
    found = timed_messages(request.file, request.piece)
    messages = [(at, message) for at, message in found if message.type != "sysex"]
    ports = _ports() if ports is None else ports
    name = choose_port(port_names(ports), request.port)
    try:
        port = ports.open_output(name)
    except Exception as error:
        raise UsageError(
            f"port {one_line(name)} cannot be opened ({one_line(str(error))})", remedy="is it in use?"
        ) from error
    seconds = messages[-1][0] if messages else 0.0
    try:
        _send(
            port, messages, lambda now: progress(f"playing on {one_line(name)}", int(now), int(seconds)), clock, sleep
        )
    finally:
        try:
            for message in _silence():
                port.send(message)
        finally:
            port.close()
    return PlayResult(request.file, name, len(messages), seconds, len(found) - len(messages))


def choose_port(names: Sequence[str], wanted: str | None) -> str:
    """Return the port that is meant: by its name, else by a part of it that only one has.

    Raises
    ------
    UsageError
        If there is none, or several.
    """
    if not names:
        raise UsageError(
            "no MIDI output port",
            expected="a synthesizer or DAW that listens",
            remedy="start one, such as fluidsynth, or turn on the IAC bus (macOS) or loopMIDI (Windows)",
        )
    if wanted is None:
        return next((name for name in names if _THROUGH not in name.lower()), names[0])
    found = [name for name in names if name == wanted] or [name for name in names if wanted.lower() in name.lower()]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(map(one_line, found or names))
    what = f"port {one_line(wanted)!r} could be {len(found)}" if found else f"no port {one_line(wanted)!r}"
    raise UsageError(what, expected=f"one of {shown}", remedy="see symgen play --list")


def timed_messages(path: Path, piece: int = 1) -> list[tuple[float, Any]]:
    """Return the messages of a file that a port takes, each with its time in seconds from the start.

    Raises
    ------
    ReadError
        If the file cannot be read as music.
    """
    from symgen.opening import open_piece

    score = open_piece(path, piece)[0].score  # also of MIDI: symgen's reader refuses what would take mido for ever
    if path.suffix.lower() in MIDI_SUFFIXES:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ReadError(f"{path}: {error.strerror}") from error
        with suppress(Exception):  # a damaged file that symgen mends and mido does not: it is played as mended
            return _timed(data)
    from symgen.writers import encode, find_format

    return _timed(encode(score, find_format("midi")))


def _timed(data: bytes) -> list[tuple[float, Any]]:
    import mido

    now, found = 0.0, []
    for message in mido.MidiFile(file=io.BytesIO(data), clip=True):
        now += message.time
        if not message.is_meta:
            found.append((now, message))
    return found


def _send(
    port: Port,
    messages: Iterable[tuple[float, Any]],
    tell: Callable[[float], None],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Send each message at its time, counted from the start, so that lateness does not add up."""
    begin = clock()
    for at, message in messages:
        while (left := begin + at - clock()) > 0:
            sleep(min(left, 0.25))
            tell(clock() - begin)
        port.send(message)


def _silence() -> Iterator[Any]:
    """Yield what ends all sound on every channel, and puts its wheel back."""
    import mido

    for channel in range(CHANNELS):
        for controller in _SILENCE:
            yield mido.Message("control_change", channel=channel, control=controller, value=0)
        yield mido.Message("pitchwheel", channel=channel, pitch=0)


def _ports() -> Ports:
    from importlib.util import find_spec

    import mido

    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    for package, backend in BACKENDS.items():
        if find_spec(package) is not None:
            try:
                found: Ports = mido.Backend(backend, load=True)
            except Exception as error:
                raise UsageError(
                    f"{package} does not load ({one_line(str(error))})", remedy="install it anew"
                ) from error
            return found
    raise UsageError(
        f"neither {' nor '.join(BACKENDS)} is installed, which send MIDI out",
        remedy="install the extra: pip install 'symgen[live]'",
    )
