"""The network and its runtime: shapes, reach, independence of borders, and what the shipped weights hear."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from symgen.transcribe import frontend, peaks, runtime
from symgen.transcribe.forward import HARMONICS, KEYS, LOWEST, Forward
from symgen.transcribe.network import Config, Transcriber, stack_harmonics
from symgen.transcribe.training import Label, batch, hear, loss, targets

RATE = frontend.RATE


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Transcriber(Config(width=8, dilations=(1, 2, 4))).eval()


def in_numpy(network):
    return Forward({name: value.numpy() for name, value in network.state_dict().items()}, network.config.dilations)


@pytest.fixture(scope="module")
def ears(network):
    return in_numpy(network)


@pytest.fixture(scope="module")
def shipped():
    return runtime.load()


def string(pitch, seconds, onset=0.0, total=None):
    """A crude plucked string: eight partials that die away."""
    at = np.arange(int(seconds * RATE)) / RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    sound = sum(
        np.sin(2 * np.pi * k * hertz * at) * np.exp(-at * (1 + 0.5 * k)) / k for k in range(1, 9) if k * hertz < 7500
    )
    sound[:16] *= np.linspace(0, 1, 16)
    out = np.zeros(int((total or onset + seconds) * RATE), "f4")
    begin = int(onset * RATE)
    out[begin : begin + len(sound)] += 0.2 * sound.astype("f4")[: len(out) - begin]
    return out


def hear_all(samples, network, size=None, rate=RATE, **options):
    size = size or max(1, len(samples))
    blocks = (samples[start : start + size] for start in range(0, len(samples), size))
    return runtime.Activations.join(runtime.activations(blocks, rate, network=network, **options))


def test_harmonics_lie_over_each_other():
    heard = torch.zeros(1, 1, 1, frontend.BINS)
    pitch = 60
    for harmonic in HARMONICS[1:]:
        heard[..., round((pitch + 12 * np.log2(harmonic) - frontend.LOWEST_PITCH) * 3) + 1] = 1
    stacked = stack_harmonics(heard)[0, :, 0]
    assert stacked.shape == (len(HARMONICS), KEYS * 3 + 4)
    assert stacked[1:, (pitch - LOWEST) * 3 + 1 + 2].tolist() == [1.0] * 7


def test_outputs_have_the_stated_shapes(network):
    onset, frame, contour = network(torch.zeros(2, frontend.CHANNELS, 20, frontend.BINS))
    assert onset.shape == frame.shape == (2, 20, KEYS)
    assert contour.shape == (2, 20, KEYS * 3)


def test_outputs_depend_on_the_stated_context_only(network):
    heard = torch.rand(1, 2, 80, frontend.BINS)
    changed = heard.clone()
    changed[:, :, 40] = 0
    with torch.no_grad():
        moved = (network(heard)[0] - network(changed)[0]).abs().amax((0, 2)) > 0
    reach = np.flatnonzero(moved.numpy())
    assert abs(reach - 40).max() <= network.config.context


def test_results_do_not_depend_on_blocks_or_windows(ears):
    samples = np.random.default_rng(1).normal(0, 0.1, 12 * RATE + 77).astype("f4")
    samples[3 * RATE : 5 * RATE] *= 0.01
    whole = hear_all(samples, ears, window=10_000)
    assert len(whole) == -(-len(samples) // frontend.HOP)
    for size, window in ((997, 64), (RATE, 512), (50_000, 100)):
        other = hear_all(samples, ears, size, window=window)
        for name in ("onset", "frame", "contour", "loudness"):
            np.testing.assert_allclose(getattr(other, name), getattr(whole, name), atol=1e-4)


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 3000])
def test_short_recordings_give_a_frame_for_every_hop_begun(ears, count):
    parts = list(runtime.activations([np.zeros(count, "f4")], network=ears))
    assert sum(map(len, parts)) == -(-count // frontend.HOP)


def test_samples_that_are_no_numbers_are_silent(ears):
    samples = string(60, 1.0)
    broken = samples.copy()
    broken[100:200] = np.nan
    broken[300] = np.inf
    silenced = samples.copy()
    silenced[100:200] = silenced[300] = 0
    np.testing.assert_array_equal(hear_all(broken, ears).onset, hear_all(silenced, ears).onset)


def test_memory_is_bounded_by_parts(ears):
    def endless():
        while True:
            yield np.zeros(RATE, "f4")

    parts = runtime.activations(endless(), network=ears, window=128)
    assert [next(parts).first for _ in range(3)] == [0, 128, 256]


def settled(network):
    """The network with norms that have seen something, as after training."""
    generator = torch.Generator().manual_seed(3)
    for name, value in network.state_dict().items():
        if value.dtype.is_floating_point and ("norm" in name or "place" in name):
            value.copy_(torch.rand(value.shape, generator=generator) * 0.5 + 0.5)
    return network


@pytest.mark.parametrize("frames", [1, 3, 60])
def test_numpy_hears_what_torch_hears(frames):
    network = settled(Transcriber(Config(width=8, dilations=(1, 2, 4))).eval())
    heard = np.random.default_rng(frames).random((frames, frontend.CHANNELS, frontend.BINS), dtype="f4")
    with torch.no_grad():
        wanted = network(torch.from_numpy(heard.transpose(1, 0, 2).copy())[None])
    for found, logits in zip(in_numpy(network)(heard), wanted, strict=True):
        np.testing.assert_allclose(found, torch.sigmoid(logits)[0].numpy(), atol=1e-5)
    assert in_numpy(network).context == network.config.context


def test_weights_of_another_network_are_refused():
    weights = {name: value.numpy() for name, value in Transcriber(Config(width=8, dilations=(1,))).state_dict().items()}
    with pytest.raises(KeyError):
        Forward(weights, (1, 2))
    with pytest.raises(ValueError, match="more than 0 blocks"):
        Forward(weights, ())


def test_hearing_needs_no_torch():
    code = "import sys; sys.modules['torch'] = None; from symgen.transcribe import runtime, whole; runtime.load()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_targets_follow_bends_and_keep_the_onset_at_the_notes_own_key():
    slide = Label(0.5, 1.5, 60.0, np.array([0.0, 0.3]), np.array([-2.0, 0.0]))
    made = targets((slide,), 0, 100)
    assert made.onset[:, 60 - LOWEST].argmax() == round(0.5 / frontend.FRAME_SECONDS)
    assert made.onset[:, 58 - LOWEST].max() == 0
    assert made.frame[33, 58 - LOWEST] == 1
    assert made.frame[33, 60 - LOWEST] == 0
    assert made.frame[80, 60 - LOWEST] == 1
    assert made.contour[80].argmax() == (60 - LOWEST) * 3 + 1
    assert made.frame[97:].max() == 0


def test_a_network_learns_a_note_it_is_shown():
    torch.manual_seed(0)
    clip = hear(string(64, 2.0, onset=0.5), (Label(0.5, 2.5, 64.0, np.zeros(0), np.zeros(0)),))
    network = Transcriber(Config(width=8, dilations=(1, 2)))
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.02)
    rng = np.random.default_rng(0)
    losses = []
    for _ in range(12):
        heard, wanted = batch([clip], 2, 100, rng)
        value, _parts = loss(network(heard), wanted)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
    assert losses[-1] < 0.7 * losses[0]


def test_peaks_give_back_the_notes_of_perfect_activations():
    own = 0.3  # the recording's tuning
    wanted = [(0.5, 60 + own), (0.5, 72 + own), (0.9, 64 + own), (1.2, 64 + own)]
    labels = tuple(Label(at, at + 0.25, pitch, np.zeros(0), np.zeros(0)) for at, pitch in wanted)
    found = peaks.notes(*targets(labels, 0, 120))
    assert len(found) == len(wanted)
    for (at, pitch), row in zip(sorted(wanted), sorted(map(tuple, found)), strict=True):
        assert abs(row[0] - at) < 0.012
        assert abs(row[1] - at - 0.25) < 0.04
        assert abs(row[2] - pitch) < 0.15


def test_an_onset_in_doubt_between_keys_is_one_note_at_the_likeliest():
    activation = np.zeros((40, KEYS), "f4")
    activation[20, 25:29] = 0.1, 0.3, 0.05, 0.2
    activation[20, 50] = 0.3  # alone, and too little
    rows = peaks.onsets(activation, threshold=0.5)
    assert rows[:, :2].round().tolist() == [[20, 26]]
    activation[20, 28] = 0.9  # beside a clear one nothing is in doubt
    assert peaks.onsets(activation, threshold=0.5)[:, 1].tolist() == [28]


def test_nothing_is_taught_outside_a_clip():
    clip = hear(string(64, 1.0), (Label(0.2, 9.0, 64.0, np.zeros(0), np.zeros(0)),))
    heard, wanted = batch([clip], 20, 80, np.random.default_rng(1))
    frames = len(clip.level)
    assert wanted[1].amax((1, 2)).max() == 1
    assert wanted[1].sum(1).amax(1).max() <= frames
    assert heard.isfinite().all()


def test_missing_or_wrong_weights_are_one_clear_line(tmp_path):
    with pytest.raises(runtime.TranscriberError, match=r"checkpoint\.json"):
        runtime.load(tmp_path)
    (tmp_path / "checkpoint.json").write_text('{"config": {"width": 4, "dilations": [1]}}')
    (tmp_path / "transcriber.safetensors").write_bytes(b"nothing")
    with pytest.raises(runtime.TranscriberError):
        runtime.load(tmp_path)


def test_the_shipped_network_hears_an_octave_as_two_notes(shipped):
    samples = string(57, 2.0, 0.5, 3.0) + string(69, 2.0, 0.5, 3.0) + string(64, 1.2, 1.5, 3.0)
    heard = hear_all(samples, shipped)
    found = peaks.notes(heard.onset, heard.frame, heard.contour)
    assert sorted(np.round(found[:, 2]).tolist()) == [57, 64, 69]
    np.testing.assert_allclose(np.sort(found[:, 0]), [0.5, 0.5, 1.5], atol=0.02)


def test_the_shipped_network_hears_any_rate(shipped):
    soxr = pytest.importorskip("soxr")
    samples = soxr.resample(string(62, 1.0, 0.5), RATE, 44_100).astype("f4")
    heard = hear_all(samples, shipped, 1000, rate=44_100)
    found = peaks.notes(heard.onset, heard.frame, heard.contour)
    assert np.round(found[:, 2]).tolist() == [62]
    assert abs(found[0, 0] - 0.5) < 0.02


def test_the_shipped_network_hears_nothing_in_silence_and_hiss(shipped):
    hiss = np.random.default_rng(0).normal(0, 0.01, 4 * RATE).astype("f4")
    for samples in (np.zeros(2 * RATE, "f4"), hiss):
        heard = hear_all(samples, shipped)
        assert len(peaks.notes(heard.onset, heard.frame, heard.contour)) == 0
