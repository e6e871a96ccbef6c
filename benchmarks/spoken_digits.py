"""Spoken digits by somebody new: a DBN against other classifiers, and whether it keeps up.

    python benchmarks/spoken_digits.py choose | compare | latency

A row is a window of 11 log-mel frames (`speech.rows`), standardised with the windows that the
pre-training hears. A DBN learns from them without labels, is fine-tuned on windows with labels, and
the windows of a recording vote. Rivals: the same network from random weights; logistic regression
on the DBN's features, which stay as they are, and on the windows themselves, voting too; an SVM on
recordings stretched to 16 frames; a small CNN on whole spectrograms of 100 frames. One DBN more is
pre-trained on the sound of all six speakers, the one who tests included; labels it has from the
other five alone.

choose: six models for each setting, each of which has heard three speakers and is judged by the
other three. compare: each speaker tests models that have heard the other five, with the settings
that made the fewest errors for these five, judged by models that had heard neither them nor the
speaker who tests; three draws of 100 labelled recordings, and all 2,500 with two seeds. latency: of
one frame and one recording.
Each command writes its part of results/spoken_digits.json and goes on where it was stopped.
"""

import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import stored
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from dbnlab import DBN, RBM, DBNClassifier, datasets
from dbnlab.datasets import speech

import keras  # isort: skip

HERE = Path(__file__).parent
RUNS, TARGET = HERE / "runs", HERE / "results" / "spoken_digits.json"
once = partial(stored.once, RUNS / "spoken_digits.json")
SEED, SIZES = 0, (256, 256)
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
# Who is left out together: any two of the six at least once, so that for each speaker who tests all
# others judge models that have not heard him either. Leaving out pairs would take 15 instead of 6.
LEFT_OUT = tuple(
    tuple(SPEAKERS[k] for k in three)
    for three in ((0, 1, 2), (0, 1, 3), (2, 3, 4), (2, 3, 5), (0, 4, 5), (1, 4, 5))
)
N_LABELS = (100, None)
N_DRAWS = {100: 3, None: 2}
# Draws that test are none of those that choose.
FIRST_TEST_DRAW = 100
# Neighbouring windows share ten of eleven frames: every third is heard and votes, and where all
# recordings have labels, every sixth has one.
EVERY, AGAIN = 3, {100: 1, None: 2}
EPOCHS, CNN_EPOCHS = {100: 60, None: 8}, {100: 60, None: 8}
CNN_FRAMES = 100
# Tried out on Lucas and Theo, whom the trials had not heard: rates of 0.002 and 0.02 with 30 and 15
# passes, closer to Mohamed, Dahl & Hinton (2012), take three times as long and start less well.
GAUSSIAN = RBM(visible="gaussian", batch_size=128, n_epochs=10, learning_rate=0.005)
BINARY = RBM(batch_size=128, n_epochs=5, learning_rate=0.05, draw_visible=False)
# Rate, and dropout of the windows and of both hidden layers. In the trials, less dropout and lower
# rates were worse and 0.03 no better, whatever the start.
STARTS = (
    (3e-3, (0.5, 0.6, 0.6)),
    (1e-2, (0.2, 0.5, 0.5)),
    (1e-2, (0.5, 0.6, 0.6)),
    (1e-2, (0.7, 0.6, 0.6)),
)
SETTINGS = {
    "DBN": STARTS,
    "random start": STARTS,
    "frozen features": (1e-1, 1.0, 10.0, 100.0),
    "logistic regression": (1e-4, 1e-3, 1e-2, 1e-1),
    "SVM": tuple(product((1.0, 10.0, 100.0), (1e-4, 3e-4, 1e-3, 2.5e-3))),
    # Rate, and dropout below the last layer; of the spectrogram it was worse in a trial.
    "CNN": ((1e-3, 0.5), (3e-3, 0.5), (1e-2, 0.3), (1e-2, 0.5), (1e-2, 0.7)),
}
# Takes the settings of the DBN.
TRANSDUCTIVE = "DBN, all six heard"
SEEDED = ("DBN", "random start", TRANSDUCTIVE, "CNN")


class Sound:
    """All recordings as each kind of model wants them, by what was heard of some speakers."""

    def __init__(self, data: datasets.SpokenDigits, left_out: tuple[str, ...]) -> None:
        self.y, self.speaker = data.y, data.speaker
        self._path = RUNS / f"spoken_digits_{'_'.join(left_out) or 'all_heard'}.npz"
        heard = np.flatnonzero(~np.isin(data.speaker, left_out))
        quiet = [speech.normalise(speech.trim(s)) for s in data.spectrograms]
        frames = np.concatenate([quiet[k] for k in heard])
        mean, deviation = frames.mean(axis=0), frames.std(axis=0)
        even = [((frames - mean) / deviation).astype(np.float32) for frames in quiet]
        self.rows = [speech.stack(frames)[k % EVERY :: EVERY] for k, frames in enumerate(even)]
        self._windows = np.concatenate([self.rows[k] for k in heard])
        scaler = StandardScaler().fit(self._windows)
        self.rows = [scaler.transform(rows) for rows in self.rows]
        self._windows = scaler.transform(self._windows)
        self.words = np.array([speech.stretch(frames).ravel() for frames in even])
        self.spectrograms = np.array([padded(frames) for frames in even])[..., None]

    def windows(self, recordings: np.ndarray, every: int = 1) -> tuple[np.ndarray, np.ndarray]:
        rows = [self.rows[k][::every] for k in recordings]
        return np.concatenate(rows), np.repeat(self.y[recordings], [len(r) for r in rows])

    def vote(self, log_probabilities: Callable, recordings: np.ndarray) -> np.ndarray:
        votes = log_probabilities(self.windows(recordings)[0])
        return speech.vote(votes, [len(self.rows[k]) for k in recordings]).argmax(axis=1)

    def pretrained(self) -> DBN:
        if not self._path.exists():
            DBN(SIZES, [GAUSSIAN, BINARY], random_state=SEED).fit(self._windows).save(self._path)
        return DBN.load(self._path)


def padded(frames: np.ndarray) -> np.ndarray:
    """The middle of the recording in the middle of 100 frames."""
    surplus = max(0, len(frames) - CNN_FRAMES)
    frames = frames[surplus // 2 :][:CNN_FRAMES]
    free = CNN_FRAMES - len(frames)
    return np.pad(frames, ((free // 2, free - free // 2), (0, 0)), constant_values=-2)


def network(pretrain: bool) -> Callable:
    def answers(sound, train, test, n, setting, seed):
        rate, dropout = setting
        classifier = DBNClassifier(
            dbn=FrozenEstimator(sound.pretrained()),
            pretrain=pretrain,
            learning_rate=rate,
            dropout=dropout,
            weight_decay=0.0,
            batch_size=100,
            n_epochs=EPOCHS[n],
            random_state=seed,
        ).fit(*sound.windows(train, AGAIN[n]))
        return sound.vote(lambda rows: np.log(classifier.predict_proba(rows) + 1e-12), test)

    return answers


def linear(features: Callable) -> Callable:
    """Logistic regression on features of the windows."""

    def answers(sound, train, test, n, setting, seed):
        model, find = LogisticRegression(C=setting, max_iter=100), features(sound)
        rows, digits = sound.windows(train, AGAIN[n])
        with warnings.catch_warnings():
            # A hundred steps are enough for the vote, if not for the last digits of the weights.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(find(rows), digits)
        return sound.vote(lambda rows: model.predict_log_proba(find(rows)), test)

    return answers


def support_vectors(sound, train, test, n, setting, seed):
    C, gamma = setting
    model = SVC(C=C, gamma=gamma).fit(sound.words[train], sound.y[train])
    return model.predict(sound.words[test])


def convolutional(sound, train, test, n, setting, seed):
    rate, dropout = setting
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((CNN_FRAMES, speech.N_BANDS, 1)),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            # Wherever in a third of the word: 264 errors instead of 465 in a trial with 100 labels.
            layers.MaxPooling2D((7, 1)),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(10, activation="softmax"),
        ]
    )
    size = 50 if n is None else 10
    n_updates = CNN_EPOCHS[n] * -(-len(train) // size)
    schedule = keras.optimizers.schedules.CosineDecay(rate, n_updates)
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(schedule), loss=loss, jit_compile=False)
    batches = {"batch_size": size, "epochs": CNN_EPOCHS[n]}
    model.fit(sound.spectrograms[train], sound.y[train], **batches, verbose=0)
    return np.asarray(model(sound.spectrograms[test])).argmax(axis=1)


MODELS = {
    "DBN": network(pretrain=True),
    "random start": network(pretrain=False),
    TRANSDUCTIVE: network(pretrain=True),
    "frozen features": linear(lambda sound: sound.pretrained().transform),
    "logistic regression": linear(lambda sound: lambda rows: rows),
    "SVM": support_vectors,
    "CNN": convolutional,
}


@lru_cache(maxsize=2)
def sound_without(left_out: tuple[str, ...]) -> Sound:
    return Sound(datasets.load_spoken_digits(), left_out)


def labelled(y: np.ndarray, heard: np.ndarray, n: int | None, draw: int) -> np.ndarray:
    """Recordings with a label: as many of each digit, of speakers as they come."""
    if n is None:
        return heard
    rng = np.random.default_rng(draw)
    digits = [heard[y[heard] == digit] for digit in range(10)]
    return np.concatenate([rng.choice(those, n // 10, replace=False) for those in digits])


def errors(model: str, left_out: tuple, n: int | None, setting: object, draw: int) -> list[int]:
    """Wrong answers, of 500, for each speaker of whom the model has no labels."""
    sound = sound_without(() if model == TRANSDUCTIVE else left_out)
    test = np.isin(sound.speaker, left_out)
    train = labelled(sound.y, np.flatnonzero(~test), n, draw)
    test = np.flatnonzero(test)
    wrong = MODELS[model](sound, train, test, n, setting, draw) != sound.y[test]
    return [int(wrong[sound.speaker[test] == name].sum()) for name in left_out]


def choose() -> dict:
    """Wrong answers for each of the three left out together, one list for each setting."""
    found = {name_of(n): {model: {} for model in SETTINGS} for n in N_LABELS}
    for draw, three in enumerate(LEFT_OUT):
        for n, model in product(N_LABELS, SETTINGS):
            found[name_of(n)][model][" ".join(three)] = [
                once(errors, model, three, n, setting, draw) for setting in SETTINGS[model]
            ]
    return {"settings": SETTINGS, "errors_of_500": found}


def chosen(model: str, n: int | None, test: str) -> object:
    """The setting with the fewest errors for the five speakers who do not test."""
    judged = stored.read(TARGET)["choose"]["errors_of_500"][name_of(n)][model]
    by_judge = {name: [] for name in SPEAKERS if name != test}
    for three in LEFT_OUT:
        for k, name in enumerate(three):
            if test in three and name != test:
                by_judge[name].append(np.array(judged[" ".join(three)])[:, k])
    means = [np.mean(errors, axis=0) for errors in by_judge.values()]
    return SETTINGS[model][np.sum(means, axis=0).argmin()]


def compare() -> dict:
    """Wrong answers for each speaker who tests, one number a draw, and the settings chosen."""
    found = {name_of(n): {model: {} for model in MODELS} for n in N_LABELS}
    settings = {name_of(n): {model: {} for model in MODELS} for n in N_LABELS}
    for test in SPEAKERS:
        for n, model in product(N_LABELS, MODELS):
            setting = chosen("DBN" if model == TRANSDUCTIVE else model, n, test)
            settings[name_of(n)][model][test] = setting
            # Without labels to draw, or numbers to start from, all draws are the same.
            n_draws = 1 if n is None and model not in SEEDED else N_DRAWS[n]
            draws = range(FIRST_TEST_DRAW, FIRST_TEST_DRAW + n_draws)
            found[name_of(n)][model][test] = [
                once(errors, model, (test,), n, setting, draw)[0] for draw in draws
            ]
    return {"settings": settings, "errors_of_500": found}


def name_of(n: int | None) -> str:
    return str(n or "all")


def latency() -> dict:
    """Milliseconds of processor time, one at a time, in NumPy: median and 95th percentile.

    What the weights are makes no difference to time; 5×2048 is of the size of Mohamed, Dahl &
    Hinton (2012).
    """
    data, rng = datasets.load_spoken_digits(), np.random.default_rng(SEED)
    scaler = StandardScaler().fit(np.concatenate([speech.rows(s) for s in data.spectrograms[::10]]))
    small, large = (
        [
            (0.01 * rng.standard_normal((a, b), dtype=np.float32), np.zeros(b, np.float32))
            for a, b in pairwise((scaler.n_features_in_, *hidden, 10))
        ]
        for hidden in (SIZES, [2048] * 5)
    )
    sound = np.concatenate(data.clips) / 32768
    row = scaler.transform(speech.rows(data.spectrograms[0])[:1])

    def forward(weights: list, rows: np.ndarray) -> np.ndarray:
        for W, bias in weights[:-1]:
            rows = expit(rows @ W + bias)
        W, bias = weights[-1]
        return rows @ W + bias

    def hear(clip: np.ndarray) -> None:
        rows = scaler.transform(speech.rows(speech.log_mel(clip / 32768)))
        speech.vote(forward(small, rows), [len(rows)])

    clips = list(data.clips) * 20
    with threadpool_limits(1):
        frame = {
            "log-mel": timed(
                lambda k: speech.log_mel(sound[k : k + speech.FRAME]), range(0, 40_000, 80)
            ),
            "264-256-256-10": timed(lambda _: forward(small, row), range(1000)),
            "264-5×2048-10": timed(lambda _: forward(large, row), range(300)),
        }
        recordings = timed(hear, clips)
    durations = np.array([1e3 * len(clip) / speech.RATE for clip in clips])
    return {
        "milliseconds_per_frame": {name: quantiles(times) for name, times in frame.items()},
        "milliseconds_per_recording": quantiles(recordings),
        "recording_lasts_milliseconds": quantiles(durations),
        "share_of_real_time": quantiles(recordings / durations),
    }


def timed(call: Callable, inputs: Iterable) -> list[float]:
    times = []
    for value in inputs:
        start = time.thread_time()
        call(value)
        times.append(1e3 * (time.thread_time() - start))
    return times


def quantiles(values: Sequence[float]) -> list[float]:
    return [float(f"{q:.3g}") for q in np.quantile(values, (0.5, 0.95))]


def main() -> None:
    RUNS.mkdir(exist_ok=True)
    part = sys.argv[1]
    stored.write(TARGET, part, {"choose": choose, "compare": compare, "latency": latency}[part]())


if __name__ == "__main__":
    main()
