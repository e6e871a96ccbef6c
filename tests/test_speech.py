import warnings

import numpy as np
import pytest
from scipy.io import wavfile

from dbnlab import datasets
from dbnlab.datasets import speech


def tone(frequency, seconds=0.5, rate=speech.RATE, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)


@pytest.fixture
def word():
    """A real recording: "three", 8 kHz."""
    return datasets.load_spoken_digits().clips[3] / 32768


@pytest.fixture
def write(tmp_path):
    def write(samples, rate=speech.RATE, name="word.wav"):
        wavfile.write(tmp_path / name, rate, samples)
        return tmp_path / name

    return write


# Mel bands -------------------------------------------------------------------------------------


def test_bands_are_triangles_that_share_out_each_frequency():
    filters, corners = speech.mel_filters(), speech.band_corners()
    frequencies = np.fft.rfftfreq(speech.N_FFT, 1 / speech.RATE)
    inner = (frequencies >= corners[1]) & (frequencies <= corners[-2])
    np.testing.assert_allclose(filters.sum(axis=0)[inner], 1)
    assert filters.shape == (speech.N_BANDS, len(frequencies))
    assert (filters >= 0).all()
    assert (filters.sum(axis=1) > 0).all()
    outside = (frequencies <= corners[0]) | (frequencies >= corners[-1])
    assert not filters[:, outside].any()


def test_bands_are_as_wide_in_mel_and_grow_wider_in_hertz():
    corners = speech.band_corners()
    assert corners[[0, -1]] == pytest.approx([100, 4000])
    mel = 1127 * np.log(1 + corners / 700)  # the same scale with the natural logarithm
    np.testing.assert_allclose(np.diff(mel), np.diff(mel)[0], rtol=1e-3)
    assert (np.diff(np.diff(corners)) > 0).all()


@pytest.mark.parametrize("band", [0, 7, 15, 23])
def test_pure_tone_lands_in_the_band_with_its_frequency_at_the_peak(band):
    peak = speech.band_corners()[band + 1]
    spectrogram = speech.log_mel(tone(peak))
    assert (spectrogram[3:-3].argmax(axis=1) == band).all()


def test_ten_times_the_amplitude_is_twenty_decibels():
    quiet, loud = (speech.log_mel(tone(1000, amplitude=a)) for a in (0.05, 0.5))
    band = quiet[10].argmax()
    np.testing.assert_allclose((loud - quiet)[5:-5, band], 20, atol=0.01)


def test_frames_are_ten_milliseconds_apart_and_silence_is_at_the_floor():
    click = np.zeros(8000)
    click[4000] = 1
    spectrogram = speech.log_mel(click)
    assert spectrogram.shape == (100, speech.N_BANDS)
    assert spectrogram.mean(axis=1).argmax() == 50
    assert (spectrogram[:48] == -100).all()


@pytest.mark.parametrize("samples", [np.zeros(199), np.zeros((2, 400))])
def test_too_few_samples_are_refused(samples):
    with pytest.raises(ValueError, match="one channel of 200 samples or more"):
        speech.log_mel(samples)


# From spectrogram to rows -----------------------------------------------------------------------


def test_stacked_rows_hold_each_frame_with_its_neighbours_in_order():
    frames = np.arange(12.0).reshape(6, 2)
    rows = speech.stack(frames, width=3).reshape(6, 3, 2)
    for t in range(6):
        for place, neighbour in enumerate((t - 1, t, t + 1)):
            np.testing.assert_array_equal(rows[t, place], frames[np.clip(neighbour, 0, 5)])


def test_one_frame_fills_the_whole_window():
    np.testing.assert_array_equal(speech.stack([[1.0, 2.0]], width=5), [[1, 2] * 5])


def test_trimming_leaves_pauses_inside_and_takes_silence_outside():
    loudness = np.array([-100, -61, -20, -80, -59, -95, -100.0])
    spectrogram = np.repeat(loudness[:, None], 4, axis=1)
    np.testing.assert_array_equal(speech.trim(spectrogram), spectrogram[2:5])


def test_rows_do_not_depend_on_how_loud_the_recording_is(word):
    np.testing.assert_allclose(
        speech.rows(speech.log_mel(word)), speech.rows(speech.log_mel(2 * word)), atol=0.05
    )


def test_normalising_keeps_what_tells_bands_apart(rng):
    spectrogram = rng.normal(size=(20, 4)) + np.array([0, 10, 20, 30])
    expected = spectrogram - spectrogram.mean()
    np.testing.assert_allclose(speech.normalise(spectrogram + 7), expected)


def test_stretching_keeps_the_ends_and_what_is_linear():
    frames = np.linspace([0, 5], [1, -5], 30)
    np.testing.assert_allclose(speech.stretch(frames, 7), np.linspace([0, 5], [1, -5], 7))


def test_votes_are_means_over_each_recording(rng):
    log_p = rng.normal(size=(7, 3))
    votes = speech.vote(log_p, [2, 1, 4])
    np.testing.assert_allclose(votes, [log_p[:2].mean(0), log_p[2], log_p[3:].mean(0)])


@pytest.mark.parametrize("n_rows", [[2, 3], [7, 0], [4, 4], [8, -1], [3.0, 4.0], [True] * 7])
def test_votes_need_the_number_of_rows_of_each_recording(n_rows):
    with pytest.raises(ValueError, match="n_rows must be positive integers and sum to the 7 rows"):
        speech.vote(np.zeros((7, 3)), n_rows)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: speech.stack(np.zeros((5, 2)), width=4),
            "width=4 has no middle: choose an odd number",
        ),
        (lambda: speech.stack(np.zeros((0, 2))), "frames must have shape"),
        (lambda: speech.normalise(np.zeros(5)), "frames must have shape"),
        (lambda: speech.stretch(np.zeros((5, 2)), 0), "n_frames"),
        (lambda: speech.resample(np.zeros(500), 4000), "no sound above 2000 Hz"),
        (lambda: speech.resample(np.zeros(500), 10**9), "rate"),
        (lambda: speech.resample(np.zeros((500, 2)), 8000), r"shape \(n_samples,\)"),
        (lambda: speech.resample([0, np.nan], 8000), "samples must be finite"),
        (lambda: speech.vote(np.zeros((0, 3)), []), "log_probabilities must have shape"),
        (lambda: speech.vote(np.zeros((7, 3)), []), r"n_rows must have shape \(n_recordings,\)"),
    ],
)
def test_arguments_out_of_range_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


NO_FRAMES = {
    "NaN": (np.full((5, 24), np.nan), "finite"),
    "infinite": (np.full((5, 24), -np.inf), "finite"),
    "masked": (np.ma.masked_less(np.arange(120.0).reshape(5, 24), 9), "no masked values, found 9"),
    "a list of masked arrays": ([np.ma.array([1, 2], mask=[0, 1])], "no masked values, found 1"),
    "complex": (np.ones((5, 24), complex), "real numbers"),
    "text": ([["a", "b"]], "real numbers"),
    "one axis": (np.ones(24), r"shape \(n_frames, n_bands\)"),
}


@pytest.mark.parametrize("call", [speech.trim, speech.normalise, speech.stack, speech.stretch])
@pytest.mark.parametrize(("frames", "message"), NO_FRAMES.values(), ids=NO_FRAMES)
def test_what_is_no_spectrogram_is_refused(call, frames, message):
    with pytest.raises(ValueError, match=f"frames must .*{message}"):
        call(frames)


NO_SAMPLES = {
    "integers": (np.arange(300, dtype=np.int16), "got int16 up to 299: divide .* 32768"),
    "floats on the scale of integers": (np.arange(300.0), "got float64 up to 299: divide"),
    "quiet integers": (np.ones(300, dtype=np.int32), "got int32 up to 1: divide"),
    "NaN": (np.full(300, np.nan), "finite"),
    "masked": (np.ma.masked_less(np.linspace(-1, 1, 300), 0), "no masked values, found 150"),
    "complex": (np.ones(300, complex), "real numbers"),
}


@pytest.mark.parametrize(("samples", "message"), NO_SAMPLES.values(), ids=NO_SAMPLES)
def test_samples_on_another_scale_or_without_value_are_refused(samples, message):
    with pytest.raises(ValueError, match=f"samples must .*{message}"):
        speech.log_mel(samples)


def test_the_byte_order_of_another_machine_changes_nothing(word):
    expected = speech.log_mel(word)
    np.testing.assert_array_equal(speech.log_mel(word.astype(">f8")), expected)
    np.testing.assert_array_equal(speech.rows(expected.astype(">f4")), speech.rows(expected))


def test_a_class_may_have_the_probability_0_but_no_other_value_that_is_not_finite():
    log_p = np.log([[0.5, 0.5], [0.8, 0.2]])
    log_p[0, 1] = -np.inf
    np.testing.assert_array_equal(speech.vote(log_p, [2])[:, 1], -np.inf)
    for value in (np.nan, np.inf):
        log_p[0, 1] = value
        with pytest.raises(ValueError, match="log_probabilities must not be NaN or infinite"):
            speech.vote(log_p, [2])


# WAV files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [11025, 16000, 44100, 48000])
def test_resampling_changes_the_spectrogram_of_a_sound_by_less_than_a_decibel(write, rate):
    """Below the 4 kHz at which a resampler must cut."""
    heard = [
        speech.log_mel(
            speech.read_wav(write(sum(tone(f, rate=r) for f in (300, 700, 1500, 2500)) / 4, r))
        )
        for r in (speech.RATE, rate)
    ]
    loud = heard[0] > heard[0].max() - 30
    assert heard[0].shape == heard[1].shape
    np.testing.assert_allclose(heard[1][5:-5][loud[5:-5]], heard[0][5:-5][loud[5:-5]], atol=1)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_every_sample_format_is_read_on_one_scale(write, word, dtype):
    samples = word
    if dtype is np.uint8:
        samples = np.round(128 + 127 * word)
    elif dtype in (np.int16, np.int32):
        samples = np.round(word * 2.0 ** (8 * np.dtype(dtype).itemsize - 1))
    read = speech.read_wav(write(samples.astype(dtype)))
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, word - word.mean(), atol=0.01)


def test_channels_are_averaged_and_an_offset_is_taken_off(write, word):
    stereo = np.stack([word + 0.1, np.zeros_like(word)], axis=1).astype(np.float32)
    np.testing.assert_allclose(speech.read_wav(write(stereo)), (word - word.mean()) / 2, atol=1e-6)


def test_offset_leaves_no_click_at_another_rate(write):
    still = np.full(16000, 0.5, np.float32)
    still[8000:8200] += tone(1000, 200 / 16000, 16000, 0.1).astype(np.float32)
    assert np.abs(speech.read_wav(write(still, 16000))[:1000]).max() < 0.01


def test_chunks_of_other_programs_are_skipped_in_silence(write, word):
    path = write((32768 * word).astype(np.int16))
    content = path.read_bytes()
    size = (int.from_bytes(content[4:8], "little") + 12).to_bytes(4, "little")
    path.write_bytes(content[:4] + size + content[8:] + b"note\x04\x00\x00\x00mine")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(speech.read_wav(path)) == len(word)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(8000, np.int16), "is silent, no sample is above -60 dB"),
        (np.full(8000, 5000, np.int16), "is silent"),
        (np.ones(700, np.int16), "lasts 0.087 s"),
        (np.zeros(0, np.int16), "lasts 0.000 s"),
        (np.full(8000, np.nan, np.float32), "samples must be finite"),
    ],
)
def test_recordings_without_speech_get_a_clear_sentence(write, samples, message):
    with pytest.raises(ValueError, match=message):
        speech.read_wav(write(samples))


def little(number):
    return number.to_bytes(4, "little")


# The sizes that a header of 44 bytes states for the file and its sound.
UNFINISHED = {
    "no size of the file": (little(0), None),
    "no sizes": (little(0), little(0)),
    "killed before the first sample": (little(36), little(0)),
    "written into a stream": (b"\xff" * 4, b"\xff" * 4),
    "written into a stream of 2 GB": (little(2**31 - 1), little(2**31 - 37)),
    "too small a size of the file": (little(100), None),
}


@pytest.mark.parametrize(("riff", "data"), UNFINISHED.values(), ids=UNFINISHED)
def test_a_header_written_before_the_sound_does_not_matter(write, word, riff, data):
    path = write((32768 * word).astype(np.int16))
    expected = speech.read_wav(path)
    content = path.read_bytes()
    path.write_bytes(content[:4] + riff + content[8:40] + (data or content[40:44]) + content[44:])
    np.testing.assert_array_equal(speech.read_wav(path), expected)


def test_an_empty_sound_before_another_chunk_is_empty(write):
    path = write(np.zeros(0, np.int16))
    content = path.read_bytes() + b"LIST" + little(8000) + bytes(8000)
    path.write_bytes(content[:4] + little(len(content) - 8) + content[8:])
    with pytest.raises(ValueError, match=r"word\.wav .*lasts 0\.000 s"):
        speech.read_wav(path)


@pytest.mark.parametrize("left", [44, 45, 2000, -2, -1])
@pytest.mark.parametrize("consistent", [False, True])
def test_a_sound_that_is_cut_off_is_refused(write, word, left, consistent):
    path = write((32768 * word).astype(np.int16))
    content = path.read_bytes()[:left]
    if consistent:
        content = content[:4] + little(len(content) - 8) + content[8:]
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"word\.wav cannot be read as WAV \(it is cut off: \d+ of"
    ):
        speech.read_wav(path)


def test_a_file_with_sizes_of_64_bits_is_read_and_refused_when_cut_off(write, word):
    path = write((32768 * word).astype(np.int16))
    expected, content = speech.read_wav(path), path.read_bytes()
    sizes = [len(content) + 28, len(content) - 44, len(word)]
    ds64 = b"ds64" + little(28) + b"".join(n.to_bytes(8, "little") for n in sizes) + little(0)
    long = b"RF64" + b"\xff" * 4 + b"WAVE" + ds64 + content[12:40] + b"\xff" * 4 + content[44:]
    path.write_bytes(long)
    np.testing.assert_array_equal(speech.read_wav(path), expected)
    path.write_bytes(long[:-1000])
    with pytest.raises(ValueError, match=r"word\.wav cannot be read as WAV .*prematurely"):
        speech.read_wav(path)


@pytest.mark.parametrize("share", [0.95, 0.8])
def test_of_channels_that_cancel_each_other_out_the_loudest_is_taken(write, word, share):
    stereo = np.stack([-share * word, word], axis=1).astype(np.float32)
    np.testing.assert_allclose(speech.read_wav(write(stereo)), word - word.mean(), atol=1e-6)


def test_floats_on_the_scale_of_16_bits_are_refused(write, word):
    with pytest.raises(ValueError, match=r"word\.wav .*1 is the largest amplitude, got .* up to"):
        speech.read_wav(write((32768 * word).astype(np.float32)))
    loud = (3 * word).astype(np.float32)  # floats may leave -1 to 1
    np.testing.assert_allclose(speech.read_wav(write(loud)), loud - loud.mean(), atol=1e-6)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (22, b"\0\0"),
        (22, b"\3\0"),
        (32, b"\0\0"),
        (34, b"\x4d\0"),
        (16, little(4)),
        (16, little(2**31)),
    ],
)
def test_a_damaged_header_is_refused_with_the_name_of_the_file(write, word, place, value):
    path = write((32768 * word).astype(np.int16))
    content = bytearray(path.read_bytes())
    content[place : place + len(value)] = value
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"word\.wav cannot be read as WAV \(.+\): save"):
        speech.read_wav(path)


def test_low_rates_are_refused(write):
    with pytest.raises(ValueError, match="record at 8000 Hz or more"):
        speech.read_wav(write(np.ones(4000, np.int16), 6000))


@pytest.mark.parametrize("content", [b"", b"ID3 this is an MP3", b"RIFF\x10\x00\x00\x00WAVEfmt "])
def test_what_is_no_wav_file_is_refused_with_the_cure(tmp_path, content):
    path = tmp_path / "song.wav"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"song\.wav cannot be read as WAV.*PCM, 16 bits"):
        speech.read_wav(path)


def test_compressed_wav_is_refused_with_the_cure(write, word):
    path = write((127 * word).astype(np.int16))
    content = bytearray(path.read_bytes())
    content[20:22] = (7).to_bytes(2, "little")  # format tag of µ-law
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"MULAW.*save the recording as WAV, PCM"):
        speech.read_wav(path)


def test_missing_file_keeps_its_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        speech.read_wav(tmp_path / "none.wav")


# The data ---------------------------------------------------------------------------------------


def test_the_spectrograms_of_the_data_are_those_of_this_module():
    data = datasets.load_spoken_digits()
    for clip, row in zip(data.clips, data.clip_rows):
        stored, computed = data.spectrograms[row], speech.log_mel(clip / 32768)
        assert stored.shape == computed.shape
        np.testing.assert_allclose(stored, computed, atol=0.26)
