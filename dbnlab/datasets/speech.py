r"""From sound to the rows of an RBM: log-mel frames, and windows of neighbouring frames.

Every 10 ms the spectrum of the 25 ms around is summed into bands as wide as the ear hears them,
equally spaced on the mel scale

    mel(f) = 2595 log10(1 + f / 700),        f in Hz,

and the power of each band is given in dB. A *spectrogram* is such an array of shape
(n_frames, N_BANDS); a row of the RBM is a window of frames side by side.
"""

import io
import os
import warnings
from numbers import Integral
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.io import wavfile
from scipy.signal import ShortTimeFFT, resample_poly

from dbnlab.checks import check_number, check_odd, real_array
from dbnlab.files import damage_named

RATE = 8000
FRAME, HOP, N_FFT = 200, 80, 256  # samples: 25 ms, 10 ms
N_BANDS, LOWEST = 24, 100.0
FLOOR = 1e-10  # power, -100 dB: below the rounding noise of 16-bit sound
SPAN = 40.0  # dB: frames so far below the loudest hold no speech
SILENCE = 1e-3  # peak amplitude, -60 dB
LOUDEST = 10.0  # peak amplitude, 20 dB: more is on another scale
SHORTEST = 0.1  # seconds
HIGHEST_RATE = 768_000  # Hz: what studios record at
STREAM = 0x7FFF0000  # bytes: programs write such sizes, or larger, before they know them


def read_wav(path: str | os.PathLike) -> NDArray:
    """The sound of a WAV file: one channel at 8 kHz.

    A constant offset is taken off, channels are averaged, and other rates are resampled with the
    polyphase filter of SciPy, which keeps what lies below 4 kHz. Where channels cancel each other
    out, as those of a microphone with one of them reversed, the loudest is taken alone.

    Parameters
    ----------
    path : path of the WAV file
        PCM of 8 to 64 bits, or floating-point samples, at 8 kHz or more.

    Returns
    -------
    samples : ndarray of shape (n_samples,), float32
        Amplitudes, of which 1 is the largest that the file could hold.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no such WAV file or is cut off, is shorter than 0.1 s or silent (below
        -60 dB).
    """
    path = Path(path)
    name, content = path.name, bytearray(path.read_bytes())
    cure = "save the recording as WAV, PCM, 16 bits"
    with damage_named(f"{name} cannot be read as WAV", cure):
        rate, samples = _decoded(content)
    if len(samples) < SHORTEST * rate:
        seconds = f"{len(samples) / rate:.3f} s"
        raise ValueError(f"{name} lasts {seconds}: a spoken word takes {SHORTEST} s or more")
    samples = resample(_one_channel(samples), rate)
    if np.abs(samples).max() < SILENCE:
        raise ValueError(f"{name} is silent, no sample is above -60 dB: check the microphone")
    return samples.astype(np.float32)


def _decoded(content: bytearray) -> tuple[int, NDArray]:
    """The rate of a WAV file and its samples, of which 1 is the largest, if none is missing."""
    if content[:4] in (b"RIFF", b"RIFX"):  # RF64 has its sizes elsewhere
        _complete_sizes(content, "big" if content[:4] == b"RIFX" else "little")
    with warnings.catch_warnings():
        # Other programs add chunks of their own, such as titles; all other warnings mean damage.
        warnings.simplefilter("error", wavfile.WavFileWarning)
        warnings.filterwarnings("ignore", "Chunk", wavfile.WavFileWarning)
        rate, samples = wavfile.read(io.BytesIO(content))
    # Whole numbers reach as far as their bits; those of 8 bits keep an offset until below.
    largest = 1.0 if samples.dtype.kind == "f" else 2.0 ** (8 * samples.dtype.itemsize - 1)
    return rate, _amplitudes(samples.astype(np.float64) / largest)


def _complete_sizes(content: bytearray, order: str) -> None:
    """Write the sizes of the file and of its sound into the header, and cut off what follows.

    A program that did not know them when it wrote the header has left none, or very large ones: the
    sound then fills the file.
    """
    start = 20  # of what the second chunk holds; its name and size stand before
    while content[start - 8 : start - 4] != b"data" and start <= len(content):
        size = int.from_bytes(content[start - 4 : start], order)
        start += 8 + size + size % 2
    left = len(content) - start
    of_file, size = (int.from_bytes(content[at : at + 4], order) for at in (4, start - 4))
    if left < 0:
        raise ValueError("it holds no sound")
    if (size == 0 and of_file + 8 <= start) or left < STREAM <= size:
        size = left
    if size > left:
        raise ValueError(f"it is cut off: {left} of {size} bytes of sound are left")
    del content[start + size :]
    content[4:8] = (start - 8 + size).to_bytes(4, order)
    content[start - 4 : start] = size.to_bytes(4, order)


def _one_channel(samples: NDArray) -> NDArray:
    """The mean of the channels without their offsets, or the loudest if they cancel out."""
    # Before resampling, which would take an offset for a sound that starts and stops.
    samples = samples - samples.mean(axis=0)
    if samples.ndim == 1:
        return samples
    mean, power = samples.mean(axis=1), samples.var(axis=0)
    # A tenth of what is left of channels that have nothing in common.
    cancelled = mean.var() < 0.1 * power.sum() / len(power) ** 2
    return samples[:, power.argmax()] if cancelled else mean


def _amplitudes(samples: ArrayLike) -> NDArray:
    samples = real_array(samples, "samples")
    loudest = np.abs(samples).max(initial=0)
    if samples.dtype.kind != "f" or loudest > LOUDEST:
        found = f"got {samples.dtype} up to {loudest:g}: divide by 32768, for sound of 16 bits"
        raise ValueError(f"samples must be floats of which 1 is the largest amplitude, {found}")
    return samples.astype(np.float64)


def resample(samples: ArrayLike, rate: int) -> NDArray:
    """Samples taken `rate` times a second as they would be at 8,000.

    Parameters
    ----------
    samples : array-like of shape (n_samples,)
    rate : int
        In Hz, from 8,000 to 768,000.

    Raises
    ------
    ValueError, TypeError
        If `rate` is out of range or not an integer, or `samples` are not one channel of numbers.
    """
    check_number(rate, "rate", Integral, max_val=HIGHEST_RATE)
    if rate < RATE:
        heard = f"{rate} samples a second hold no sound above {rate // 2} Hz"
        needed = f"speech is told apart up to {RATE // 2} Hz: record at {RATE} Hz or more"
        raise ValueError(f"{rate=}: {heard}, but {needed}")
    return resample_poly(real_array(samples, "samples", ("n_samples",)), RATE, rate)


def mel_filters() -> NDArray:
    """Weight of each frequency in each band: triangles that meet at their neighbours' peaks.

    The peaks are equally spaced in mel (O'Shaughnessy 1987) between 100 and 4,000 Hz; between the
    first peak and the last the weights of a frequency sum to 1.

    Returns
    -------
    filters : ndarray of shape (N_BANDS, n_frequencies)
        For the frequencies of a spectrum of 256 samples at 8 kHz, 31.25 Hz apart.
    """
    frequencies = np.fft.rfftfreq(N_FFT, 1 / RATE)
    corners = band_corners()
    triangles = np.lib.stride_tricks.sliding_window_view(corners, 3)
    return np.array([np.interp(frequencies, triangle, [0, 1, 0]) for triangle in triangles])


def band_corners() -> NDArray:
    """Edges and peaks of the bands in Hz: band k reaches from corner k to k + 2, its peak between.

    Returns
    -------
    corners : ndarray of shape (N_BANDS + 2,)
    """
    low, high = (2595 * np.log10(1 + f / 700) for f in (LOWEST, RATE / 2))
    return 700 * (10 ** (np.linspace(low, high, N_BANDS + 2) / 2595) - 1)


def log_mel(samples: ArrayLike) -> NDArray:
    """Spectrogram of a sound: power in each mel band every 10 ms, in dB.

    Frame t is centred at t · 10 ms; beyond its ends the sound is taken to be silent. 0 dB is about
    the loudest that a band can be, -100 dB is silence.

    Parameters
    ----------
    samples : array-like of shape (n_samples,)
        Amplitudes, of which 1 is the largest, at 8 kHz, at least one frame of 200; see `read_wav`
        and `resample`.

    Returns
    -------
    spectrogram : ndarray of shape (1 + (n_samples - 1) // 80, N_BANDS), float32

    Raises
    ------
    ValueError
        If there are fewer than 200 samples, more than one dimension, or samples on another scale
        than that of floats of which 1 is the largest amplitude.
    """
    samples = _amplitudes(samples)
    if samples.ndim != 1 or len(samples) < FRAME:
        raise ValueError(f"give one channel of {FRAME} samples or more, got shape {samples.shape}")
    n_frames = 1 + (len(samples) - 1) // HOP
    transform = ShortTimeFFT.from_window(
        "hann", RATE, FRAME, FRAME - HOP, mfft=N_FFT, scale_to="magnitude", phase_shift=None
    )
    power = transform.spectrogram(samples, p0=0, p1=n_frames)
    return (10 * np.log10(mel_filters() @ power + FLOOR)).T.astype(np.float32)


def trim(spectrogram: ArrayLike) -> NDArray:
    """Leave out the frames before the first and after the last within 40 dB of the loudest.

    Parameters
    ----------
    spectrogram : array-like of shape (n_frames, N_BANDS)
        In dB.

    Returns
    -------
    spectrogram : ndarray of shape (n_kept, N_BANDS)
    """
    spectrogram = _checked(spectrogram)
    loudness = 10 * np.log10((10 ** (spectrogram.astype(np.float64) / 10)).sum(axis=1))
    loud = np.flatnonzero(loudness >= loudness.max() - SPAN)
    return spectrogram[loud[0] : loud[-1] + 1]


def normalise(spectrogram: ArrayLike) -> NDArray:
    """Take off the mean over all frames and bands: how loud the recording is.

    The mean of each band, which is often taken off long recordings for what a microphone adds to
    it, would take a single word's vowel along.

    Parameters
    ----------
    spectrogram : array-like of shape (n_frames, N_BANDS)
        In dB.

    Returns
    -------
    spectrogram : ndarray of shape (n_frames, N_BANDS)
        In dB, relative to the mean.
    """
    spectrogram = _checked(spectrogram)
    return spectrogram - spectrogram.mean()


def stack(frames: ArrayLike, width: int = 11) -> NDArray:
    """Each frame with its neighbours, as one row: the past first, frame by frame.

    Before the first and after the last frame these two are repeated.

    Parameters
    ----------
    frames : array-like of shape (n_frames, n_bands)
    width : int, default=11
        Frames in a row, an odd number.

    Returns
    -------
    rows : ndarray of shape (n_frames, width * n_bands)
        ``rows[t].reshape(width, n_bands)`` is the window around frame t.

    Raises
    ------
    ValueError, TypeError
        If `width` is not a positive odd integer.
    """
    frames = _checked(frames)
    check_odd(width, "width")
    padded = np.pad(frames, ((width // 2, width // 2), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
    return windows.transpose(0, 2, 1).reshape(len(frames), -1)


def rows(spectrogram: ArrayLike, width: int = 11) -> NDArray:
    """What a network is given of a recording: `trim`, then `normalise`, then `stack`.

    Gaussian visible units need columns of variance 1 besides: that takes a scaler which has seen
    all training rows, such as scikit-learn's StandardScaler.

    Parameters
    ----------
    spectrogram : array-like of shape (n_frames, N_BANDS)
        In dB.
    width : int, default=11
        Frames in a row, an odd number.

    Returns
    -------
    rows : ndarray of shape (n_kept, width * N_BANDS)
    """
    return stack(normalise(trim(spectrogram)), width)


def stretch(frames: ArrayLike, n_frames: int = 16) -> NDArray:
    """A recording of any length as `n_frames` frames, linearly interpolated between its own.

    Parameters
    ----------
    frames : array-like of shape (n_old, n_bands)
    n_frames : int, default=16

    Returns
    -------
    frames : ndarray of shape (n_frames, n_bands)
    """
    frames = _checked(frames)
    check_number(n_frames, "n_frames", Integral, min_val=1)
    places = np.linspace(0, len(frames) - 1, n_frames)
    old = np.arange(len(frames))
    return np.stack([np.interp(places, old, band) for band in frames.T], axis=1)


def vote(log_probabilities: ArrayLike, n_rows: ArrayLike) -> NDArray:
    """What the rows of each recording say together: the mean of their log-probabilities.

    The digit with the largest mean is the one with the largest product of probabilities.

    Parameters
    ----------
    log_probabilities : array-like of shape (sum of n_rows, n_classes)
        One recording's rows after the other's.
    n_rows : array-like of shape (n_recordings,)
        Number of rows of each recording, at least one.

    Returns
    -------
    means : ndarray of shape (n_recordings, n_classes)
    """
    axes = ("sum of n_rows", "n_classes")
    log_probabilities = real_array(log_probabilities, "log_probabilities", axes, finite=False)
    if not (log_probabilities < np.inf).all():
        raise ValueError("log_probabilities must not be NaN or infinite, -inf apart")
    n_rows, total = real_array(n_rows, "n_rows", ("n_recordings",)), len(log_probabilities)
    if n_rows.dtype.kind not in "iu" or n_rows.min() < 1 or n_rows.sum() != total:
        expected = f"positive integers and sum to the {total} rows of log_probabilities"
        raise ValueError(f"n_rows must be {expected}, got {n_rows.dtype} of sum {n_rows.sum()}")
    recordings = np.split(log_probabilities, np.cumsum(n_rows)[:-1])
    return np.array([recording.mean(axis=0, dtype=np.float64) for recording in recordings])


def _checked(frames: ArrayLike) -> NDArray:
    return real_array(frames, "frames", ("n_frames", "n_bands"))
