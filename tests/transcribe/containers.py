"""Sound files of every kind that is read, made in sight; soundfile and av write them."""

import io
from collections.abc import Callable

import numpy as np

SOUNDFILE = {  # kind -> format and coding
    "wav16": ("WAV", "PCM_16"),
    "wav8": ("WAV", "PCM_U8"),
    "wav24": ("WAV", "PCM_24"),
    "float32": ("WAV", "FLOAT"),
    "float64": ("WAV", "DOUBLE"),
    "adpcm": ("WAV", "IMA_ADPCM"),
    "aiff": ("AIFF", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
AV = {"m4a": "mp4", "aac": "adts", "film": "mp4", "mka": "matroska"}  # kind -> container
KINDS = (*SOUNDFILE, *AV)
EXACT = {"wav16": 1e-4, "wav24": 1e-5, "float32": 1e-6, "float64": 1e-6, "aiff": 1e-4, "flac": 1e-4, "wav8": 0.02}
"""Kind -> largest error of a sample."""


def melody(seconds: float = 3.0, rate: int = 44100) -> np.ndarray:
    """Five tones in turn, each with a beginning that shows where it stands."""
    t = np.arange(int(seconds * rate)) / rate
    hertz = np.array([220.0, 294, 330, 392, 262])[(t * 4).astype(int) % 5]
    return (0.4 * np.sin(2 * np.pi * np.cumsum(hertz) / rate) * np.exp(-5 * (t * 4 % 1))).astype(np.float32)


def encoded(kind: str, samples: np.ndarray, rate: int = 44100) -> bytes:
    """Samples of shape (frames,) or (frames, channels) as a file."""
    if kind in AV:
        return _by_av(AV[kind], samples, rate, film=kind == "film")
    return _by_soundfile(*SOUNDFILE[kind], samples, rate)


def _by_soundfile(container: str, coding: str, samples: np.ndarray, rate: int) -> bytes:
    import soundfile

    buffer = io.BytesIO()
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(buffer, "w", rate, channels, format=container, subtype=coding) as file:
        for start in range(0, len(samples), rate):  # libvorbis overruns its stack on long arrays
            file.write(samples[start : start + rate])
    return buffer.getvalue()


def _by_av(container: str, samples: np.ndarray, rate: int, *, film: bool) -> bytes:
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        sound = file.add_stream("aac", rate=rate, layout="mono")
        if film:
            picture = file.add_stream("mpeg4", rate=10)
            picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
            for shade in range(5):
                frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 40 * shade, np.uint8), format="rgb24")
                file.mux(picture.encode(frame))
            file.mux(picture.encode(None))
        for start in range(0, len(samples), 1024):
            part = np.ascontiguousarray(samples[None, start : start + 1024], dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            file.mux(sound.encode(frame))
        file.mux(sound.encode(None))
    return buffer.getvalue()


def patched(place: int, *values: int) -> Callable[[bytes], bytes]:
    """Return what overwrites bytes from `place` on."""
    return lambda data: data[:place] + bytes(values) + data[place + len(values) :]
