"""Real programs, driven headless: each opens one MIDI file and tells what it understood.

MuseScore converts, FluidSynth plays into memory, LMMS and Ardour are started on a virtual screen (Xvfb) because
neither imports without its window. Every function returns an :class:`Understood`, or None if the program is not
installed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SOUNDFONTS = ("/usr/share/sounds/sf2/TimGM6mb.sf2", "/usr/share/sounds/sf2/FluidR3_GM.sf2")
PATIENCE_SECONDS = 180.0


@dataclass
class Understood:
    """What a program made of a file.

    Parameters
    ----------
    program : str
        Name and version.
    notes : list of (float, float, int)
        Onset and length in quarter notes, and pitch.
    tempi : list of (float, float)
        Quarter note and quarter notes a minute.
    markers : list of (float, str)
        Quarter note and name.
    tracks : list of str
        Names.
    bends : dict of str to list of (float, float)
        Quarter note and cents, by track.
    metres : list of (int, int)
        Time signatures.
    """

    program: str
    notes: list[tuple[float, float, int]] = field(default_factory=list)
    tempi: list[tuple[float, float]] = field(default_factory=list)
    markers: list[tuple[float, str]] = field(default_factory=list)
    tracks: list[str] = field(default_factory=list)
    bends: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    metres: list[tuple[int, int]] = field(default_factory=list)


def version(package: str) -> str:
    """Return the version of a Debian package, or an empty string."""
    found = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False
    )
    return found.stdout.strip().removeprefix("1:").partition("+")[0].partition("-")[0]


def from_midi(path: Path, program: str) -> Understood:
    """Read what a program saved as MIDI, with mido."""
    import mido

    file = mido.MidiFile(path, clip=True, charset="utf-8")
    base, found = file.ticks_per_beat, Understood(program)
    for track in file.tracks:
        now, sounding, name = 0, {}, ""
        span, parameter = 2, [127, 127]
        for message in track:
            now += message.time
            if message.type == "track_name":
                name = message.name
            elif message.type == "set_tempo":
                found.tempi.append((now / base, mido.tempo2bpm(message.tempo)))
            elif message.type == "time_signature":
                found.metres.append((message.numerator, message.denominator))
            elif message.type == "marker":
                found.markers.append((now / base, message.text))
            elif message.type == "control_change" and message.control in (100, 101):
                parameter[message.control - 100] = message.value
            elif message.type == "control_change" and message.control == 6 and parameter == [0, 0]:
                span = message.value
            elif message.type == "pitchwheel":
                found.bends.setdefault(name, []).append((now / base, message.pitch * span * 100 / 8192))
            elif message.type == "note_on" and message.velocity:
                sounding[message.note] = now
            elif message.type in ("note_on", "note_off") and message.note in sounding:
                begin = sounding.pop(message.note)
                found.notes.append((begin / base, (now - begin) / base, message.note))
        if any(message.type == "note_on" for message in track):
            found.tracks.append(name)
    found.notes.sort()
    return found


def musescore(path: Path) -> Understood | None:
    """Let MuseScore 3 convert the file to MIDI, and to MusicXML for part names and markers."""
    program = shutil.which("mscore3") or shutil.which("mscore") or shutil.which("musescore3")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        midi, xml = Path(folder) / "out.mid", Path(folder) / "out.musicxml"
        environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "HOME": folder, "XDG_RUNTIME_DIR": folder}
        for target in (midi, xml):
            subprocess.run(
                [program, "-o", target, path],
                env=environment,
                capture_output=True,
                timeout=PATIENCE_SECONDS,
                check=True,
            )
        found = from_midi(midi, f"MuseScore {version('musescore3')}")
        root = ET.parse(xml).getroot()
        found.tracks = [name.text or "" for name in root.iter("part-name")]
        found.markers = [(0.0, word.text or "") for tag in ("rehearsal", "words") for word in root.iter(tag)]
        return found


def fluidsynth(path: Path) -> Understood | None:
    """Let FluidSynth play the file as fast as it can and report what it received."""
    program = shutil.which("fluidsynth")
    font = next((font for font in SOUNDFONTS if Path(font).exists()), None)
    if program is None or font is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        played = subprocess.run(
            [program, "-ni", "-v", "-d", "-F", f"{folder}/out.wav", "-r", "22050", font, path],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE_SECONDS,
            check=True,
        )
        found = Understood(f"FluidSynth {version('fluidsynth')}")
        for line in (played.stdout + played.stderr).splitlines():
            note = re.match(r"fluidsynth: noteon\t(\d+)\t(\d+)\t(\d+)", line)
            bend = re.match(r"fluidsynth: pitchb\t(\d+)\t(\d+)", line)
            if note and int(note[3]):
                found.notes.append((0.0, 0.0, int(note[2])))
            elif bend:
                found.bends.setdefault(bend[1], []).append((0.0, float(bend[2])))
        with contextlib.suppress(FileNotFoundError):
            found.tempi = [(0.0, (Path(folder) / "out.wav").stat().st_size / (4 * 22050))]  # seconds of sound
        return found


@contextlib.contextmanager
def screen() -> Iterator[dict[str, str]]:
    """Start a virtual screen of 1400 by 900, and give the environment that leads to it."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x900x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    try:
        number = os.read(read, 16).decode().strip()
        yield os.environ | {"DISPLAY": f":{number}", "LC_ALL": "C"}
    finally:
        server.terminate()
        server.wait()
        os.close(read)
        os.close(write)


def until(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Wait until something is true, at most so long."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if condition():
            return True
        time.sleep(0.5)
    return False


def window(environment: dict[str, str], title: str) -> bool:
    """Return whether a window of this title is on the screen."""
    search = ["xdotool", "search", "--onlyvisible", "--name", title]
    return subprocess.run(search, env=environment, capture_output=True, check=False).returncode == 0


def click(environment: dict[str, str], x: int, y: int) -> None:
    """Click at a place of the screen, and give the program time to react."""
    subprocess.run(["xdotool", "mousemove", str(x), str(y), "click", "1"], env=environment, check=False)
    time.sleep(2.0)


@contextlib.contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    """Run a program in a group of its own, and end that group."""
    program = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, 9)
        program.wait()


LMMS_SETTINGS = """<?xml version="1.0"?>
<!DOCTYPE lmms-config-file>
<lmms version="1.2.2" configversion="1">
 <app configured="1" openlastproject="0" nanomsg="1" nommpz="1"/>
 <ui saveinterval="1" enableautosave="1" enablerunningautosave="1"/>
 <mixer audiodev="Dummy (no sound output)" mididev="Dummy (no MIDI support)"/>
 <paths workingdir="{folder}/work/" defaultsf2="{font}"/>
</lmms>
"""


def lmms(path: Path) -> Understood | None:
    """Let LMMS import the file and save it by itself a minute later; it imports only with its window open."""
    font = next((font for font in SOUNDFONTS if Path(font).exists()), None)
    if not all(map(shutil.which, ("lmms", "Xvfb", "xdotool"))) or font is None:
        return None
    with tempfile.TemporaryDirectory() as folder, screen() as environment:
        settings = Path(folder) / "lmmsrc.xml"
        settings.write_text(LMMS_SETTINGS.format(folder=folder, font=font))
        (Path(folder) / "work").mkdir()
        saved = Path(folder) / "work" / "recover.mmp"
        command = ["lmms", "--allowroot", "-c", str(settings), "--import", str(path)]
        with started(command, environment | {"HOME": folder, "XDG_RUNTIME_DIR": folder}):
            if not until(saved.exists):
                return None
            time.sleep(2.0)
        return _lmms_project(saved)


def _lmms_project(path: Path) -> Understood:
    """Read an LMMS project: 192 ticks a bar of 4/4, pitch in parts of the track's range."""
    found = Understood(f"LMMS {version('lmms')}")
    root = ET.parse(path).getroot()
    head = root.find("head")
    found.metres = [(int(_value(head, "timesig_numerator")), int(_value(head, "timesig_denominator")))]
    tempo_id = head.find("bpm").get("id") if head.find("bpm") is not None else None
    ranges = {}
    for track in root.iter("track"):
        name = track.get("name", "")
        instrument = track.find("instrumenttrack")
        if instrument is not None and track.find("pattern") is not None:
            found.tracks.append(name)
            ranges[name] = float(instrument.get("pitchrange", "1"))
        for pattern in track.findall("pattern"):
            begin = int(pattern.get("pos", "0"))
            for note in pattern.findall("note"):
                onset, length = begin + int(note.get("pos")), int(note.get("len"))
                found.notes.append((onset / 48, length / 48, int(note.get("key")) + 12))
        for pattern in track.findall("automationpattern"):
            begin, points = int(pattern.get("pos", "0")), pattern.findall("time")
            moves = [((begin + int(p.get("pos"))) / 48, float(p.get("value"))) for p in points]
            objects = {one.get("id") for one in pattern.findall("object")}
            if name.endswith("> Pitch"):
                owner = name.removesuffix(" > Pitch")
                moves = [(at, value * ranges.get(owner, 1.0)) for at, value in moves]
                found.bends.setdefault(owner, []).extend(moves)
            elif tempo_id in objects or "empo" in name:
                found.tempi.extend(moves)
    found.notes.sort()
    found.tempi.sort()
    return found


def _value(head: ET.Element, tag: str) -> str:
    """Return a setting that LMMS writes as an attribute, or as an element if it is automated."""
    element = head.find(tag)
    return element.get("value") if element is not None else head.get(tag, "0")


ARDOUR_SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<Ardour><Config><Option name="hide-dummy-backend" value="0"/></Config><Metadata/><Extra/></Ardour>
"""
ARDOUR_SCRIPT = """ardour {{ ["type"] = "EditorAction", name = "000 import", description = [[Import one MIDI file
with its tempo map and the names of its tracks.]] }}
function factory () return function ()
 local files = C.StringVector() files:push_back("{path}")
 Editor:do_import(files, Editing.ImportDistinctFiles, Editing.ImportAsTrack, ARDOUR.SrcQuality.SrcBest,
  ARDOUR.MidiTrackNameSource.SMFTrackName, ARDOUR.MidiTempoMapDisposition.SMFTempoUse, Temporal.timepos_t(0),
  ARDOUR.PluginInfo(), ARDOUR.Track(), false)
 Session:save_state("", false, false, false, false, false)
end end
"""
ARDOUR_ENGINE = ((708, 309), (700, 353), (920, 611))  # list of backends, "None (Dummy)", Start
ARDOUR_IMPORT = ((1222, 44), (1222, 24), (1222, 46), (1324, 158), (1222, 44))
"""First script button, list of scripts, the second of the list, Add, and the button again, which runs it."""


def ardour(path: Path) -> Understood | None:
    """Let Ardour 7 import the file through the first of its script buttons, with tempo map and track names."""
    if not all(map(shutil.which, ("ardour", "ardour7-lua", "ardour7-new_session", "Xvfb", "xdotool"))):
        return None
    with tempfile.TemporaryDirectory() as folder, screen() as environment:
        environment |= {"HOME": folder}
        settings = Path(folder) / ".config" / "ardour7"
        settings.mkdir(parents=True)
        (settings / "config").write_text(ARDOUR_SETTINGS)
        (settings / ".a7").touch()  # no assistant for new users
        (settings / "ui_scripts").write_text('<?xml version="1.0"?>\n<UIScripts/>\n')  # all buttons are free
        (settings / "scripts").mkdir()
        (settings / "scripts" / "import.lua").write_text(ARDOUR_SCRIPT.format(path=path))
        session = Path(folder) / "s1"
        subprocess.run(["ardour7-new_session", session, "s1"], env=environment, capture_output=True, check=True)
        before = (session / "s1.ardour").stat().st_mtime
        with started(["ardour", "-n", "-a", str(session / "s1.ardour")], environment):
            if not until(lambda: window(environment, "Audio/MIDI Setup")):
                return None
            time.sleep(4.0)
            for place in ARDOUR_ENGINE:
                click(environment, *place)
            if not until(lambda: window(environment, "s1 - Ardour")):
                return None
            time.sleep(25.0)
            for place in ARDOUR_IMPORT:
                click(environment, *place)
            if not until(lambda: (session / "s1.ardour").stat().st_mtime > before, 60.0):
                return None
            time.sleep(3.0)
        return _ardour_session(session)


def _ardour_session(session: Path) -> Understood:
    """Read an Ardour session: names, tempo map and locations from its XML, notes and wheels from its MIDI files."""
    found = Understood(f"Ardour {version('ardour')}")
    root = ET.parse(session / "s1.ardour").getroot()
    found.tracks = [route.get("name") for route in root.iter("Route") if route.get("default-type") == "midi"]
    for midi in sorted((session / "interchange" / "s1" / "midifiles").glob("*.mid")):
        part = from_midi(midi, "")
        found.notes += part.notes
        for moves in part.bends.values():
            found.bends[midi.stem] = moves
    found.notes.sort()
    for tempo in root.iter("Tempo"):
        if tempo.get("npm"):
            found.tempi.append((float(tempo.get("quarters", "0").partition(":")[0] or 0), float(tempo.get("npm"))))
    for location in root.iter("Location"):
        if "IsMark" in location.get("flags", ""):
            found.markers.append((0.0, location.get("name")))
    for metre in root.iter("Meter"):
        found.metres.append((int(metre.get("divisions-per-bar", "4")), int(metre.get("note-value", "4"))))
    return found


PROGRAMS = {"musescore": musescore, "fluidsynth": fluidsynth, "lmms": lmms, "ardour": ardour}
