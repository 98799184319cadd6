"""Playing: every message at its time, and silence at the end whatever happens. The port is a list."""

import json

import mido
import pytest

from symgen import console, player
from symgen.cli import app
from symgen.errors import ReadError, UsageError
from symgen.player import PlayRequest, choose_port, play_file, port_names, timed_messages
from symgen.score import Score, Tempo, make_notes
from symgen.writers import encode, find_format


class FakePorts:
    """A backend of mido with a clock of its own: it notes what is sent and when; `fails` after so many messages."""

    def __init__(self, names=("Midi Through 14:0", "Synth A 20:0", "Synth B 21:0"), fails=None):
        self.names, self.fails = list(names), fails
        self.sent, self.open, self.now = [], [], 100.0

    def get_output_names(self):
        return self.names

    def open_output(self, name):
        self.open.append(name)
        return self

    def send(self, message):
        if self.fails is not None and len(self.sent) == self.fails:
            self.fails = None
            raise KeyboardInterrupt
        self.sent.append((self.now, message))

    def close(self):
        self.open.pop()

    def clock(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


def play(file, ports, **request):
    return play_file(PlayRequest(file, **request), ports=ports, clock=ports.clock, sleep=ports.sleep)


@pytest.fixture
def score():
    """Return four quarters, at 60 and then at 120 quarters a minute."""
    notes = make_notes([(480 * n, 480, 60 + n) for n in range(4)])
    return Score(notes, tempi=(Tempo(0, 60.0), Tempo(960, 120.0)))


@pytest.fixture
def file(tmp_path, score):
    path = tmp_path / "tune.mid"
    path.write_bytes(encode(score, find_format("midi")))
    return path


def starts(sent):
    return [(round(at - sent[0][0], 3), m.note) for at, m in sent if m.type == "note_on" and m.velocity]


def is_silenced(sent):
    """Tell whether all notes and sounds are off on all channels at the end."""
    last = [message for _, message in sent[-80:]]
    off = {(m.channel, m.control) for m in last if m.type == "control_change"}
    return {(channel, control) for channel in range(16) for control in (120, 123)} <= off


def test_each_message_at_its_time(file):
    ports = FakePorts()
    result = play(file, ports)
    assert starts(ports.sent) == [(0, 60), (1, 61), (2, 62), (2.5, 63)]
    assert result.port == "Synth A 20:0"
    assert result.seconds == pytest.approx(3, abs=0.01)
    assert len(ports.sent) == result.messages + 80
    assert is_silenced(ports.sent)
    assert ports.open == []


def test_an_interrupt_silences_too(file):
    ports = FakePorts(fails=5)
    with pytest.raises(KeyboardInterrupt):
        play(file, ports)
    assert len(ports.sent) == 5 + 80
    assert is_silenced(ports.sent)
    assert ports.open == []


@pytest.mark.parametrize("suffix", ["jianpu", "musicxml"])
def test_scores_of_other_formats(tmp_path, score, suffix):
    path = tmp_path / f"tune.{suffix}"
    path.write_bytes(encode(score, find_format(suffix)))
    ports = FakePorts()
    play(path, ports)
    assert starts(ports.sent) == [(0, 60), (1, 61), (2, 62), (2.5, 63)]


def test_lateness_does_not_add_up(file):
    ports = FakePorts()
    ports.sleep = lambda seconds: setattr(ports, "now", ports.now + seconds + 0.003)
    play(file, ports)
    assert max(abs(at - want) for (at, _), want in zip(starts(ports.sent), (0, 1, 2, 2.5), strict=True)) < 0.005


def test_what_no_reader_can_read(tmp_path):
    path = tmp_path / "junk.mid"
    path.write_bytes(b"MThd junk")
    with pytest.raises(ReadError):
        timed_messages(path)


def test_what_only_the_reader_mends(file, monkeypatch):
    """mido stops at damage that symgen's reader gets over: then it is played as that reads it."""

    def refuse(**_):
        monkeypatch.undo()
        raise OSError("broken")

    monkeypatch.setattr(mido, "MidiFile", refuse)
    assert starts([(at, m) for at, m in timed_messages(file)])[-1] == (2.5, 63)


class TestPorts:
    NAMES = ("Midi Through 14:0", "Synth A 20:0", "Synth B 21:0")

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [(None, NAMES[1]), ("Synth B 21:0", NAMES[2]), ("b 2", NAMES[2]), ("through", NAMES[0])],
    )
    def test_chosen(self, wanted, found):
        assert choose_port(self.NAMES, wanted) == found

    def test_the_last_resort_is_the_port_that_goes_through(self):
        assert choose_port(self.NAMES[:1], None) == self.NAMES[0]

    @pytest.mark.parametrize(
        ("names", "wanted", "words"),
        [
            ((), None, "no MIDI output port"),
            (NAMES, "synth", "could be 2"),
            (NAMES, "Moog", "no port 'Moog'; expected one of"),
        ],
    )
    def test_refused(self, names, wanted, words):
        with pytest.raises(UsageError, match=words):
            choose_port(names, wanted)

    def test_a_port_in_use(self, file):
        ports = FakePorts()
        ports.open_output = lambda name: (_ for _ in ()).throw(OSError("busy"))
        with pytest.raises(UsageError, match="cannot be opened"):
            play(file, ports)

    def test_a_system_without_midi(self):
        ports = FakePorts()
        ports.get_output_names = lambda: (_ for _ in ()).throw(OSError("no ALSA"))
        with pytest.raises(UsageError, match="no ALSA"):
            port_names(ports)

    def test_names_come_once(self):
        assert port_names(FakePorts(["a", "b", "a"])) == ["a", "b"]

    def test_without_the_extra(self, file, monkeypatch, capsys):
        monkeypatch.setattr(player, "BACKENDS", {"no_such_package": "mido.backends.none"})
        assert console.run(app, ["play", str(file)]) == 2
        assert "symgen[live]" in capsys.readouterr().err


class TestCommand:
    @pytest.fixture(autouse=True)
    def ports(self, monkeypatch):
        ports = FakePorts()
        monkeypatch.setattr(player, "_ports", lambda: ports)
        monkeypatch.setattr(player.time, "sleep", lambda seconds: None)
        return ports

    def test_list(self, capsys, ports):
        assert console.run(app, ["play", "--list"]) == 0
        assert capsys.readouterr().out.splitlines() == ports.names
        assert console.run(app, ["play", "--list", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"ports": ports.names}

    def test_no_file(self, capsys):
        assert console.run(app, ["play"]) == 2
        assert "no file to play" in capsys.readouterr().err

    def test_play(self, tmp_path, capsys, ports):
        path = tmp_path / "short.mid"
        path.write_bytes(encode(Score(make_notes([(0, 24, 60)])), find_format("midi")))
        assert console.run(app, ["play", str(path), "--port", "B", "-q"]) == 0
        assert "to Synth B" in capsys.readouterr().out
        assert is_silenced(ports.sent)


def test_sysex_of_a_file_is_not_sent_and_that_is_said(tmp_path, monkeypatch, capsys):
    track = mido.MidiTrack([mido.Message("sysex", data=(65, 16, 66, 18)), mido.Message("note_on", note=60)])
    track.append(mido.Message("note_off", note=60, time=480))
    made = mido.MidiFile(tracks=[track])
    made.save(tmp_path / "a.mid")
    ports = FakePorts()
    result = play(tmp_path / "a.mid", ports)
    assert (result.dropped, result.messages, result.as_json()["dropped"]) == (1, 2, 1)
    assert "sysex" not in {message.type for _, message in ports.sent}
    monkeypatch.setattr(player, "_ports", FakePorts)
    monkeypatch.setattr("symgen.player.time.sleep", lambda _: None)
    assert console.run(app, ["play", str(tmp_path / "a.mid"), "-q"]) == 0
    assert "1 SysEx messages of the file were not sent" in capsys.readouterr().err
