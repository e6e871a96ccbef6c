"""Spoken digits: a DBN against other classifiers, by speaker and by official split; real time.

    python benchmarks/spoken_digits.py tune | compare | latency

A row is a window of 11 log-mel frames (`speech.rows`), standardised with the training rows.
A DBN of 264-256-256 units learns without labels from every third row of the training speakers, is
fine-tuned on rows with labels, and the rows of a recording vote. Rivals: the same network from
random weights; logistic regression on the same rows, voting too; an SVM on recordings stretched to
16 frames; a small CNN on whole spectrograms of 100 frames, padded or cut.

tune: five settings for each, with 100 and (but for the CNN) with all labels, on two validation
speakers, each of whom the training does not hear. compare: with the best settings, for each of the
other four speakers models that have heard all but this one, then the official split (index 0 to 4
tests); 10, 100 (five draws, of the CNN two) and all recordings labelled. latency: of one frame and
one recording. Each command writes its part of results/spoken_digits.json and goes on where it was
stopped; all three take about 25 minutes of one core.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
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
SEED, SIZES, EVERY = 0, (256, 256), 3
# Of the labelled recordings; the CNN takes longest.
N_DRAWS, N_CNN_DRAWS = 5, 2
TUNING_DRAW = 5
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
VALIDATION = ("lucas", "theo")
# Mohamed, Dahl & Hinton (2012): 225 epochs at 0.002 and 75 at 0.02, without a falling rate.
N_EPOCHS = (30, 15)
GAUSSIAN = RBM(visible="gaussian", batch_size=128, n_epochs=N_EPOCHS[0], learning_rate=0.002)
BINARY = RBM(batch_size=128, n_epochs=N_EPOCHS[1], learning_rate=0.02, draw_visible=False)
N_LABELS = (10, 100, None)
PASSES = {10: 60, 100: 30, None: 6}
CNN_PASSES = {10: 100, 100: 60, None: 12}
CNN_FRAMES = 100
NETWORK_SETTINGS = ((3e-4, 0.0), (1e-3, 0.0), (3e-3, 0.0), (1e-3, 0.3), (3e-3, 0.3))
SETTINGS = {
    "DBN": NETWORK_SETTINGS,
    "random start": NETWORK_SETTINGS,
    "logistic regression": (1e-4, 1e-3, 1e-2, 1e-1, 1.0),
    "SVM": (0.1, 1.0, 10.0, 100.0, 1000.0),
    "CNN": NETWORK_SETTINGS,
}


class Fold:
    """The recordings that train and those that test, as each kind of model wants them."""

    def __init__(self, data: datasets.SpokenDigits, test: np.ndarray, name: str) -> None:
        self.name, self.y = name, data.y
        self.train, self.test = np.flatnonzero(~test), np.flatnonzero(test)
        quiet = [speech.normalise(speech.trim(s)) for s in data.spectrograms]
        frames = np.concatenate([quiet[k] for k in self.train])
        mean, deviation = frames.mean(axis=0), frames.std(axis=0)
        even = [((frames - mean) / deviation).astype(np.float32) for frames in quiet]
        self.rows = [speech.stack(frames) for frames in even]
        scaler = StandardScaler().fit(np.concatenate([self.rows[k] for k in self.train]))
        self.rows = [scaler.transform(rows) for rows in self.rows]
        self.stretched = np.array([speech.stretch(frames).ravel() for frames in even])
        self.padded = np.array([padded(frames) for frames in even])[..., None]
        self._path = RUNS / f"spoken_digits_{name}.npz"

    def thinned(self, recordings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Every third row of many recordings, every row of few, with their digits."""
        every = EVERY if len(recordings) > 100 else 1
        rows = [self.rows[k][k % every :: every] for k in recordings]
        return np.concatenate(rows), np.repeat(self.y[recordings], [len(r) for r in rows])

    def pretrained(self) -> DBN:
        once(f"{self.name} pretraining seconds", self._pretrain)
        return DBN.load(self._path)

    def _pretrain(self) -> int:
        start = time.process_time()
        dbn = DBN(SIZES, [GAUSSIAN, BINARY], random_state=SEED)
        dbn.fit(self.thinned(self.train)[0]).save(self._path)
        return round(time.process_time() - start)

    def labelled(self, n: int | None, draw: int) -> np.ndarray:
        """Recordings with a label: as many of each digit, of speakers as they come."""
        if n is None:
            return self.train
        rng = np.random.default_rng(draw)
        digits = [self.train[self.y[self.train] == digit] for digit in range(10)]
        return np.concatenate([rng.choice(those, n // 10, replace=False) for those in digits])

    def errors(self, model: str, n: int | None, setting: object, draw: int) -> int:
        """Wrong answers on the recordings that test."""
        chosen = self.labelled(n, draw)
        answers = MODELS[model](self, chosen, n, setting, draw)
        return int((answers != self.y[self.test]).sum())


def padded(frames: np.ndarray) -> np.ndarray:
    """The middle of the recording in the middle of 100 frames."""
    surplus = max(0, len(frames) - CNN_FRAMES)
    frames = frames[surplus // 2 :][:CNN_FRAMES]
    free = CNN_FRAMES - len(frames)
    return np.pad(frames, ((free // 2, free - free // 2), (0, 0)), constant_values=-2)


def voted(fold: Fold, log_probabilities: Callable) -> np.ndarray:
    rows = [fold.rows[k] for k in fold.test]
    votes = log_probabilities(np.concatenate(rows))
    return speech.vote(votes, [len(r) for r in rows]).argmax(axis=1)


def network(pretrain: bool) -> Callable:
    def answers(fold, chosen, n, setting, seed):
        rate, dropout = setting
        classifier = DBNClassifier(
            dbn=FrozenEstimator(fold.pretrained()),
            pretrain=pretrain,
            learning_rate=rate,
            dropout=dropout,
            weight_decay=0.0,
            n_epochs=PASSES[n],
            random_state=seed,
        ).fit(*fold.thinned(chosen))
        return voted(fold, lambda rows: np.log(classifier.predict_proba(rows) + 1e-12))

    return answers


def logistic(fold, chosen, n, setting, seed):
    model = LogisticRegression(C=setting, max_iter=100)
    with warnings.catch_warnings():
        # A hundred steps are enough for the vote, if not for the last digits of the weights.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(*fold.thinned(chosen))
    return voted(fold, model.predict_log_proba)


def support_vectors(fold, chosen, n, setting, seed):
    model = SVC(C=setting).fit(fold.stretched[chosen], fold.y[chosen])
    return model.predict(fold.stretched[fold.test])


def convolutional(fold, chosen, n, setting, seed):
    rate, dropout = setting
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((CNN_FRAMES, speech.N_BANDS, 1)),
            layers.Conv2D(16, 5, strides=2, activation="relu"),
            layers.Conv2D(32, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(10, activation="softmax"),
        ]
    )
    size = 50 if n is None else 10
    n_updates = CNN_PASSES[n] * -(-len(chosen) // size)
    schedule = keras.optimizers.schedules.CosineDecay(rate, n_updates)
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(schedule), loss=loss, jit_compile=False)
    model.fit(fold.padded[chosen], fold.y[chosen], batch_size=size, epochs=CNN_PASSES[n], verbose=0)
    return np.asarray(model(fold.padded[fold.test])).argmax(axis=1)


MODELS = {
    "DBN": network(pretrain=True),
    "random start": network(pretrain=False),
    "logistic regression": logistic,
    "SVM": support_vectors,
    "CNN": convolutional,
}


def tune(data: datasets.SpokenDigits) -> dict:
    """Wrong answers on both validation speakers together, of 1,000."""
    folds = [Fold(data, data.speaker == name, name) for name in VALIDATION]
    found = {model: {} for model in MODELS}
    for n in N_LABELS[1:]:
        for model, settings in SETTINGS.items():
            if model == "CNN" and n is None:
                continue
            found[model][str(n or "all")] = [
                sum(
                    once(f"tune {model} {n} {s} {f.name}", f.errors, model, n, s, TUNING_DRAW)
                    for f in folds
                )
                for s in settings
            ]
            print(model, found[model], flush=True)
    return {"settings": SETTINGS, "errors_of_1000": found}


def best_settings() -> dict:
    """For each model and number of labels; 10, and the CNN with all, take what is best with 100."""
    tuned = stored.read(TARGET)["tune"]["errors_of_1000"]
    best = {
        model: {n: SETTINGS[model][int(np.argmin(errors))] for n, errors in tuned[model].items()}
        for model in MODELS
    }
    return {m: {10: b["100"], 100: b["100"], None: b.get("all", b["100"])} for m, b in best.items()}


def rounds(models: Sequence[str]) -> Iterator[tuple[str, int | None, int]]:
    """Model, labels and draw: the first draw of everything comes before the second of anything."""
    for draw in range(N_DRAWS):
        for n in (None, 100, 10):
            for model in models:
                if draw < (1 if n is None else N_CNN_DRAWS if model == "CNN" else N_DRAWS):
                    yield model, n, draw


def compare(data: datasets.SpokenDigits) -> dict:
    """Wrong answers: of 500 recordings of each test speaker, and of 300 of the official split.

    What is cheap comes first. Written after each round over the four speakers or the official
    split, so that a run that is stopped has whole rounds.
    """
    best, found = best_settings(), {}
    tests = {name: data.speaker == name for name in SPEAKERS if name not in VALIDATION}
    by_speaker = {name: Fold(data, test, name) for name, test in tests.items()}
    official = {"official": Fold(data, data.index < 5, "official")}
    for models in (("logistic regression", "SVM"), ("DBN", "random start"), ("CNN",)):
        for (model, n, draw), folds in product(rounds(models), (by_speaker, official)):
            for name, fold in folds.items():
                key = f"{name} {n} {model} {draw}"
                errors = once(key, fold.errors, model, n, best[model][n], draw)
                of_labels = found.setdefault(name, {}).setdefault(str(n or "all"), {})
                of_labels.setdefault(model, []).append(errors)
            stored.write(TARGET, "compare", {"errors": found})
    return {"errors": found}


def latency(data: datasets.SpokenDigits) -> dict:
    """Milliseconds of processor time, one at a time, in NumPy: median and 95th percentile.

    What the weights are makes no difference to time; 5×2048 is of the size of Mohamed, Dahl &
    Hinton (2012).
    """
    rng = np.random.default_rng(SEED)
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


def once(key: str, compute: Callable, *arguments: object) -> int:
    """What `compute` gives, kept in benchmarks/runs/ for a run that is stopped and goes on."""
    path, start = RUNS / "spoken_digits.json", time.process_time()

    def done() -> dict:
        return json.loads(path.read_text()) if path.exists() else {}

    if key not in done():
        value = compute(*arguments)
        # Read again: computing may have kept results of its own.
        path.write_text(json.dumps(done() | {key: value}))
        print(key, value, f"{time.process_time() - start:.1f} s", flush=True)
    return done()[key]


def main() -> None:
    RUNS.mkdir(exist_ok=True)
    part = sys.argv[1]
    compute = {"tune": tune, "compare": compare, "latency": latency}[part]
    stored.write(TARGET, part, compute(datasets.load_spoken_digits()))


if __name__ == "__main__":
    main()
