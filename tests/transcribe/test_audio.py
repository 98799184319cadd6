"""Decoding: every container, every rate, seams, bad input, bounded memory; files are built here."""

import pickle

import numpy as np
import pytest

from symgen.errors import ReadError
from symgen.isolation import Caps, Failure, run_isolated
from symgen.readers import DEFECTS
from symgen.transcribe import audio
from symgen.transcribe.audio import blocks, open_audio
from tests.transcribe.containers import EXACT, KINDS, encoded, melody, patched

soxr = pytest.importorskip("soxr", reason="needs symgen[audio]")
pytest.importorskip("soundfile", reason="needs symgen[audio]")
pytest.importorskip("av", reason="needs symgen[audio]")

RATE = 44100
NOISE = np.random.default_rng(7)


def heard(data, rate=audio.BLOCK_RATE, seconds=10.0) -> np.ndarray:
    """The blocks of a recording laid end to end."""
    return np.concatenate(list(blocks(open_audio(data), rate, seconds)))


def refusal(source) -> ReadError:
    """The error of a recording that is refused, by its header or on the way."""
    with pytest.raises(ReadError) as caught:
        list(blocks(open_audio(source)))
    assert caught.value.code in DEFECTS
    assert "\n" not in str(caught.value)
    return caught.value


class TestContainers:
    @pytest.mark.parametrize("kind", KINDS)
    def test_sound_comes_back_in_its_place(self, kind, tmp_path):
        rate = 48000 if kind == "opus" else RATE
        samples = melody(3.0, rate)
        file = tmp_path / "take"
        file.write_bytes(encoded(kind, samples, rate))
        recording = open_audio(file)
        assert (recording.rate, recording.channels, recording.name) == (rate, 1, "take")
        assert recording.film == (kind == "film")
        found = heard(file, rate)
        assert recording.condition.seconds == pytest.approx(3.0, abs=0.06)  # the last frame of a coder is filled up
        assert recording.condition.mended == {}
        length = min(len(found), len(samples))
        if kind in EXACT:
            assert np.abs(found - (samples - samples.mean())).max() < EXACT[kind]
        else:
            spectrum = np.fft.rfft(samples[:length]).conj() * np.fft.rfft(found[:length])
            shift = int(np.argmax(np.fft.irfft(spectrum)))
            late = 1024 if kind in ("aac", "film", "mka") else 0  # a coder's delay that not every container names
            assert min(shift, length - shift) < 0.005 * rate + late
            assert np.corrcoef(np.roll(samples[:length], shift), found[:length])[0, 1] > 0.98

    def test_bytes_and_paths_give_the_same(self, tmp_path):
        data = encoded("flac", melody())
        file = tmp_path / "a.flac"
        file.write_bytes(data)
        assert np.array_equal(heard(data), heard(str(file)))

    def test_a_name_is_never_taken_for_an_address(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "concat:a.m4a").write_bytes(encoded("m4a", melody()))
        assert open_audio("concat:a.m4a").format == "MOV"

    def test_a_play_list_leads_nowhere(self, tmp_path):
        (tmp_path / "a.wav").write_bytes(encoded("wav16", melody()))
        listing = tmp_path / "list.m3u8"
        listing.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{tmp_path}/a.wav\n#EXT-X-ENDLIST\n")
        assert refusal(listing).code == "undecodable"


class TestBlocks:
    @pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 44100, 48000, 96000, 192000])
    def test_blocks_end_to_end_are_the_whole_resampled_at_once(self, rate):
        samples = np.clip(melody(4.0, rate) + NOISE.normal(0, 0.05, 4 * rate), -1, 1)
        data = encoded("float32", samples, rate)
        mean = samples.astype(np.float32).mean(dtype=np.float64)
        at_once = soxr.resample((samples - mean).astype(np.float32), rate, 16000, "HQ")
        for seconds in (0.0371, 0.5, 10.0):
            found = list(blocks(open_audio(data), 16000, seconds))
            size = round(16000 * seconds)
            assert [len(block) for block in found[:-1]] == [size] * (len(found) - 1)
            assert 0 < len(found[-1]) <= size
            whole = np.concatenate(found)
            assert len(whole) == len(at_once)
            assert whole.dtype == np.float32
            assert np.abs(whole - at_once).max() < 1e-4

    def test_block_length_changes_nothing(self):
        data = encoded("mp3", melody(5.0))
        one = heard(data, seconds=100.0)
        assert all(np.array_equal(one, heard(data, seconds=seconds)) for seconds in (0.01, 0.7, 3.0))

    def test_an_abandoned_iterator_closes_its_file(self, tmp_path):
        file = tmp_path / "a.wav"
        file.write_bytes(encoded("wav16", melody()))
        found = blocks(open_audio(file), seconds=0.1)
        next(found)
        found.close()  # an open file would be a warning, and warnings are errors

    def test_a_recording_may_be_sent_to_another_process(self):
        recording = open_audio(encoded("wav16", melody()))
        again = pickle.loads(pickle.dumps(recording))
        assert again.condition.seconds == recording.condition.seconds


class TestChannels:
    def test_the_mean_is_heard(self):
        a, b = melody(), NOISE.normal(0, 0.05, 3 * RATE).astype(np.float32)
        found = heard(encoded("float32", np.stack([a, b], axis=1)), RATE)
        expected = (a + b) / 2
        assert np.abs(found - (expected - expected.mean())).max() < 1e-5

    @pytest.mark.parametrize("share", [1.0, 0.9])
    def test_channels_out_of_phase_do_not_cancel(self, share):
        samples = melody()
        data = encoded("float32", np.stack([samples, -share * samples], axis=1))
        recording = open_audio(data)
        assert recording.condition.mended == {"out-of-phase": 1}
        assert np.abs(heard(data, RATE) - samples).max() < 1e-3

    def test_silent_channels_do_not_thin_the_others(self):
        eight = np.zeros((3 * RATE, 8), np.float32)
        eight[:, 5] = melody()
        assert np.abs(heard(encoded("float32", eight), RATE) - eight[:, 5]).max() < 1e-3

    def test_sixteen_are_heard_and_seventeen_refused(self):
        sixteen = np.repeat(melody()[:, None], 16, axis=1)
        assert np.abs(heard(encoded("wav16", sixteen), RATE) - sixteen[:, 0]).max() < 1e-3
        assert refusal(encoded("wav16", np.repeat(melody()[:, None], 17, axis=1))).code == "cap-channels"


class TestMended:
    def mended(self, samples, kind="float32", rate=RATE):
        data = encoded(kind, samples, rate)
        condition = open_audio(data).condition
        assert np.isfinite(heard(data)).all()
        assert set(condition.mended) <= set(DEFECTS)
        return condition

    def test_what_is_no_number_is_silence(self):
        samples = melody()
        samples[1000:1010], samples[2000], samples[3000] = np.nan, np.inf, -np.inf
        assert self.mended(samples).mended == {"no-number": 12}

    def test_the_mean_is_taken_away(self):
        data = encoded("float32", melody() + np.float32(0.3))
        found = heard(data, RATE)
        assert abs(found.mean()) < 1e-4
        assert open_audio(data).condition.mended == {}
        constant = encoded("float32", np.full(RATE, 0.5, np.float32))
        assert refusal(constant).code == "silent"

    def test_clipping_is_measured(self):
        loud = np.clip(5 * melody(), -1, 1)
        condition = self.mended(loud, "wav16")
        assert condition.mended == {"clipped": 1}
        assert condition.clipped == pytest.approx((np.abs(loud) >= 0.999).mean(), rel=0.2)
        assert self.mended(melody(), "wav16").clipped == 0

    def test_floating_point_beyond_full_scale(self):
        assert self.mended(3 * melody()).mended == {}  # a loud mix, not clipped
        data = encoded("float64", 32768.0 * melody())
        assert open_audio(data).condition.mended == {"loud": 1}
        assert np.abs(heard(data)).max() == pytest.approx(1.0, abs=0.2)
        assert self.mended(np.float64(1e9) * melody(), "float64").mended == {"loud": 1}
        assert refusal(encoded("float64", np.float64(1e30) * melody())).code == "silent"

    @pytest.mark.parametrize(
        "kind", ["wav16", "wav24", "float64", "aiff", "flac", "vorbis", "opus", "mp3", "mka", "aac"]
    )
    def test_what_is_cut_off_is_read_as_far_as_it_goes(self, kind):
        rate = 48000 if kind == "opus" else RATE
        data = encoded(kind, np.tile(melody(3.0, rate), 4) + NOISE.normal(0, 0.01, 12 * rate), rate)
        recording = open_audio(data[: len(data) // 2])
        assert 4.0 < recording.condition.seconds < 8.0
        if kind not in ("vorbis", "opus", "aac"):  # no header tells how long they should be
            assert set(recording.condition.mended) == {"sound-cut-off"}
        assert len(heard(data[: len(data) // 2], 22050)) == pytest.approx(recording.condition.seconds * 22050, abs=2)

    @pytest.mark.parametrize("kind", ["mp3", "flac", "vorbis", "m4a"])
    def test_garbage_amid_the_sound_costs_what_it_covers(self, kind):
        data = bytearray(encoded(kind, np.tile(melody(), 4)))
        middle = len(data) // 2
        data[middle : middle + 3000] = NOISE.bytes(3000)
        recording = open_audio(bytes(data))
        assert recording.condition.seconds > 5.0
        assert set(recording.condition.mended) <= {"damaged-sound", "sound-cut-off"}
        assert len(heard(bytes(data))) > 5 * audio.BLOCK_RATE

    def test_a_header_written_to_a_pipe_is_no_damage(self):
        data = encoded("wav16", melody())
        streamed = patched(40, 255, 255, 255, 255)(patched(4, 255, 255, 255, 255)(data))
        assert open_audio(streamed).condition.mended == {}
        assert np.array_equal(heard(streamed), heard(data))


class TestRefused:
    @pytest.mark.parametrize(
        ("code", "make"),
        [
            ("no-sound", lambda: encoded("wav16", np.zeros(0))),
            ("silent", lambda: encoded("wav16", np.zeros(RATE))),
            ("silent", lambda: encoded("float32", 5e-5 * melody())),
            ("only-noise", lambda: encoded("wav16", 0.2 * NOISE.standard_normal(20 * RATE))),
            ("sample-rate", lambda: patched(24, 0, 0, 0, 0)(encoded("wav16", melody()))),
            ("sample-rate", lambda: encoded("wav16", melody(rate=4000), 4000)),
            ("sample-rate", lambda: encoded("wav16", melody(0.2, 384000), 384000)),
            ("cap-channels", lambda: patched(22, 0, 0)(encoded("wav16", melody()))),
            ("cap-duration", lambda: encoded("wav8", np.zeros(8000 * 3 * 3600 + 8000, np.int16), 8000)),
            ("undecodable", lambda: b"ID3\x04\x00\x00\x00\x00\x00\x00" + NOISE.bytes(50_000)),
            ("undecodable", lambda: encoded("m4a", melody())[:20_000]),
            ("undecodable", lambda: b"RIFF\x24\x00\x00\x00WAVE"),
            ("undecodable", lambda: b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0"),
            ("undecodable", lambda: b"\x89PNG\r\n\x1a\n" + bytes(100)),
            ("empty-file", lambda: b""),
        ],
    )
    def test_each_with_its_code(self, code, make):
        assert refusal(make()).code == code

    def test_pink_noise_too_but_no_melody_in_noise(self):
        pink = np.fft.irfft(np.fft.rfft(NOISE.standard_normal(30 * RATE)) / np.sqrt(np.arange(15 * RATE + 1) + 1))
        assert refusal(encoded("wav16", 0.3 * pink / np.abs(pink).max())).code == "only-noise"
        noisy = np.tile(melody(), 10) + NOISE.normal(0, 0.03, 30 * RATE)
        assert open_audio(encoded("wav16", noisy)).condition.flatness < 0.3

    def test_what_is_no_file(self, tmp_path):
        assert refusal(tmp_path / "none.wav").code == "missing-file"
        assert refusal(tmp_path).code == "not-a-file"
        assert refusal("a\x00b").code == "unreadable-file"

    def test_a_size_beyond_the_cap_is_named(self, monkeypatch):
        monkeypatch.setattr(audio, "MAX_BYTES", 1000)
        error = refusal(encoded("wav16", melody()))
        assert error.code == "too-large"
        assert "1,000" in str(error)

    def test_a_header_that_claims_an_hour_of_nothing(self):
        data = encoded("flac", melody())
        longer = bytearray(data)
        longer[21] |= 0x0F  # upper bits of the number of samples: 2^36
        assert refusal(bytes(longer)).code == "cap-duration"

    def test_hostile_names_stay_on_their_line(self, tmp_path):
        file = tmp_path / "a\nsymgen: error: b\x1b[2J.wav"
        file.write_bytes(b"RIFF")
        assert "\x1b" not in str(refusal(file))


MUTATIONS = 60
"""Of each container; ``python -m tests.transcribe.mutants --count 10000`` does more."""


def test_damaged_files_neither_crash_nor_hang_nor_eat_memory():
    items = [
        (kind, number)
        for kind in ("wav16", "float64", "aiff", "flac", "vorbis", "opus", "mp3", "m4a", "aac")
        for number in range(MUTATIONS)
    ]
    work = run_isolated(
        "tests.transcribe.mutants:listen", items, 0, Caps(10.0, 2**30), warm_up="symgen.transcribe.hearing:warm_up"
    )
    outcomes = {items[index]: outcome for index, outcome in work}
    assert len(outcomes) == len(items)
    bad = {
        item: outcome
        for item, outcome in outcomes.items()
        if isinstance(outcome, Failure) or outcome not in {"read", *DEFECTS}
    }
    assert bad == {}


HOUR = """
import resource, sys
from pathlib import Path
from symgen.transcribe.audio import open_audio, blocks
from symgen.transcribe.hearing import warm_up

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

warm_up()
sum(map(len, blocks(open_audio(Path(sys.argv[2])))))
before = peak()
recording = open_audio(Path(sys.argv[1]))
count = sum(map(len, blocks(recording)))
print(count / 22050, peak() - before)
"""


def test_an_hour_takes_no_more_memory_than_a_minute(tmp_path, python):
    import soundfile

    minute = np.clip(np.tile(melody(3.0, 16000), 20) + NOISE.normal(0, 0.02, 60 * 16000), -1, 1).astype(np.float32)
    for name, times in (("hour.flac", 60), ("minute.flac", 1)):
        with soundfile.SoundFile(tmp_path / name, "w", 16000, 1, format="FLAC", subtype="PCM_16") as file:
            for _ in range(times):
                file.write(minute)
    done = python("-c", HOUR, "hour.flac", "minute.flac")
    assert done.returncode == 0, done.stderr
    seconds, growth = map(float, done.stdout.split())
    assert seconds == pytest.approx(3600, abs=0.01)
    assert growth < 20  # MiB; the samples take 303 MiB
