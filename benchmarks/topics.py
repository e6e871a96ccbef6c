"""A replicated softmax and latent Dirichlet allocation (LDA) on film reviews; codes for retrieval.

    python benchmarks/topics.py tune | perplexity | retrieval

Each command writes its part of results/topics.json; `tune` goes first, for the others use what it
has chosen on documents for validation. The test documents are opened by the other two alone.
Perplexities are per word, of the words in their order, given the length of the document.
"""

import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
import stored
from scipy.interpolate import PchipInterpolator
from scipy.special import gammaln, logsumexp
from sklearn.decomposition import LatentDirichletAllocation, TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from dbnlab import DBN, RBM, datasets, likelihood
from dbnlab.units import ReplicatedSoftmax

TARGET = Path(__file__).parent / "results" / "topics.json"
N_WORDS, N_TRAIN, N_VALIDATION, N_TEST = 1000, 5000, 1000, 1000
N_TUNE = 4000
SEEDS = (0, 1, 2)
SIZES = (10, 50)
# Hidden units up to which log Z is a sum over all of their states.
ENUMERATED = 12
# A coarse grid, and then the neighbours of its best points beyond its edges.
RSM = [*product((0.01, 0.03, 0.1), (2e-4, 2e-3)), (0.03, 1e-2)]
LDA = [*product((0.02, 0.1, 0.5), (0.02, 0.2)), (1.0, 0.2), (0.5, 1.0)]
N_NEIGHBOURS = 10


def documents() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Counts of the N_WORDS most frequent words, and labels, of three sets of reviews."""
    data = datasets.load_movie_reviews("imdb")
    vectorizer = CountVectorizer(stop_words="english", max_features=N_WORDS)
    X = vectorizer.fit_transform(data.X[:N_TRAIN])
    more = vectorizer.transform(data.X[N_TRAIN : N_TRAIN + N_VALIDATION])
    test = vectorizer.transform(data.X_test[:N_TEST])
    found = {"train": X, "validation": more, "test": test}
    labels = {
        "train": data.y[:N_TRAIN],
        "validation": data.y[N_TRAIN : N_TRAIN + N_VALIDATION],
        "test": data.y_test[:N_TEST],
    }
    # At least two words, so that each document has two halves.
    enough = {name: counts.sum(axis=1).A1 > 1 for name, counts in found.items()}
    counts = {name: rows.toarray()[enough[name]].astype(np.float32) for name, rows in found.items()}
    return counts, {name: y[enough[name]] for name, y in labels.items()}


def replicated_softmax(n_hidden: int, seed: int, **settings: float) -> RBM:
    unit = ReplicatedSoftmax(N_WORDS)
    return RBM(n_hidden, visible=unit, n_epochs=30, random_state=seed, **settings)


def lda_model(n_topics: int, seed: int, **priors: float) -> LatentDirichletAllocation:
    options = {"learning_method": "online", "batch_size": 256, "max_iter": 10}
    return LatentDirichletAllocation(n_topics, random_state=seed, **options, **priors)


# Half of a document predicts the other -----------------------------------------------------------


def halves(V: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The words of each document, dealt at random into two halves."""
    rng = np.random.default_rng(seed)
    seen = [rng.multivariate_hypergeometric(v, v.sum() // 2) for v in V.astype(int)]
    return np.array(seen, dtype=V.dtype), V - np.array(seen)


def next_word_rsm(rbm: RBM, seen: np.ndarray) -> np.ndarray:
    """log p(w | seen words) of every word w: that of the documents with one word more, exactly."""
    field = seen @ rbm.weights_ + (seen.sum(axis=1, keepdims=True) + 1) * rbm.hidden_bias_
    log_p = np.array([np.logaddexp(0, x + rbm.weights_).sum(axis=1) for x in field])
    log_p += rbm.visible_bias_
    return log_p - logsumexp(log_p, axis=1, keepdims=True)


def next_word_lda(lda: LatentDirichletAllocation, seen: np.ndarray) -> np.ndarray:
    return np.log(lda.transform(seen) @ word_probabilities(lda))


def word_probabilities(lda: LatentDirichletAllocation) -> np.ndarray:
    return lda.components_ / lda.components_.sum(axis=1, keepdims=True)


def perplexity(log_p: np.ndarray, V: np.ndarray) -> float:
    return round(float(np.exp(-log_p.sum() / V.sum())), 2)


def completion(next_word, model, V: np.ndarray, seed: int) -> float:
    seen, hidden = halves(V, seed)
    return perplexity(hidden * next_word(model, seen), hidden)


# Whole documents ---------------------------------------------------------------------------------


def log_z_of_lengths(rbm: RBM, lengths: np.ndarray, seed: int) -> dict:
    """log Z by AIS at eight lengths; log Z / D in between by monotone cubic interpolation."""
    lengths = np.unique(lengths)
    knots = np.unique(np.geomspace(lengths[0], lengths[-1], 8).round().astype(int))
    found = [of_length(rbm, int(n), seed) for n in knots]
    per_word = PchipInterpolator(knots, [z.value / n for z, n in zip(found, knots)])
    between = int(np.sqrt(knots[4] * knots[5]))
    check = of_length(rbm, between, seed + 1)
    return {
        "log_z": {int(n): float(n * per_word(n)) for n in lengths},
        "widest_interval": round(max(z.high - z.low for z in found), 3),
        "interpolation_minus_ais": round(float(between * per_word(between) - check.value), 3),
    }


def of_length(rbm: RBM, length: int, seed: int) -> likelihood.LogPartition:
    options = {"n_betas": 5000, "n_chains": 50, "random_state": seed}
    return likelihood.log_partition(likelihood.at_length(rbm, length), **options)


def exact_log_z(rbm: RBM, lengths: np.ndarray) -> dict:
    """All lengths at once: what a hidden state weighs, to the power of the length."""
    H = rbm.hidden_unit_.states(np.arange(rbm.hidden_unit_.n_states()))
    field = H @ rbm.weights_.T.astype(float) + rbm.visible_bias_
    per_word = H @ rbm.hidden_bias_ + logsumexp(field, axis=1)
    return {int(n): float(logsumexp(n * per_word)) for n in np.unique(lengths)}


def log_p_rsm(rbm: RBM, V: np.ndarray, log_z: dict) -> np.ndarray:
    V = V.astype(float)
    return likelihood.log_likelihood(rbm, V, log_z) - rbm.visible_unit_.log_base_measure(V)


def log_p_lda(
    lda: LatentDirichletAllocation, V: np.ndarray, seed: int, n_samples: int = 1000
) -> tuple[np.ndarray, np.ndarray]:
    """log p of each document given the topics: by importance sampling, and its variational bound.

    Proportions θ are drawn from the variational posterior; the mean of the weights is right, so the
    mean of their logarithms, the bound, is too low, and the logarithm of their mean by less.
    """
    rng, topics = np.random.default_rng(seed), word_probabilities(lda)
    found = []
    for v, gamma in zip(V, lda.transform(V, normalize=False)):
        theta = np.maximum(rng.dirichlet(gamma, size=n_samples), 1e-300)
        words = v > 0
        log_weights = np.log(theta @ topics[:, words]) @ v[words]
        alpha = np.full(len(gamma), lda.doc_topic_prior_)
        log_weights += np.log(theta) @ (alpha - gamma)
        log_weights += gammaln(alpha.sum()) - gammaln(alpha).sum()
        log_weights -= gammaln(gamma.sum()) - gammaln(gamma).sum()
        found.append((logsumexp(log_weights) - np.log(n_samples), log_weights.mean()))
    return tuple(np.array(found).T)


# Commands ----------------------------------------------------------------------------------------


def tune(earlier: dict) -> dict:
    """What was tried before, on the same documents, is not tried again."""
    counts, _ = documents()
    X, V = counts["train"][:N_TUNE], counts["validation"]
    report = {"chosen_by": "perplexity of the second half of validation documents, 50 topics"}
    report |= {name: earlier[name] for name in KINDS if name in earlier}
    for name, (names, grid, make, next_word) in KINDS.items():
        tried = earlier.get(name, {}).get("tried", [])
        for values in grid:
            setting = dict(zip(names, values))
            if setting in [t["setting"] for t in tried]:
                continue
            found = completion(next_word, make(50, 0, **setting).fit(X), V, 0)
            tried.append({"setting": setting, "perplexity": found})
            print(name, tried[-1], flush=True)
            stored.write(TARGET, "tune", report | {name: {"tried": tried}})
        report[name] = {"tried": tried, "chosen": min(tried, key=lambda t: t["perplexity"])}
    return report


def perplexities(chosen: dict) -> dict:
    counts, _ = documents()
    X, V = counts["train"], counts["test"]
    lengths = V.sum(axis=1).astype(int)
    p = X.sum(axis=0, dtype=float) + 0.5
    unigram = perplexity(V * np.log(p / p.sum()), V)
    report = {"n_words": int(V.sum()), "median_length": int(np.median(lengths)), "unigram": unigram}
    for seed, size in product(SEEDS, SIZES):
        start = time.process_time()
        rbm = replicated_softmax(size, seed, **chosen["rsm"]).fit(X)
        row = {"rsm_seconds": round(time.process_time() - start, 1)}
        if size > ENUMERATED:
            ais = log_z_of_lengths(rbm, lengths, seed)
            log_z = ais.pop("log_z")
        else:
            log_z, median = exact_log_z(rbm, lengths), int(np.median(lengths))
            error = of_length(rbm, median, seed).value - log_z[median]
            ais = {"ais_minus_exact": round(float(error), 3)}
        row |= ais | {"rsm": perplexity(log_p_rsm(rbm, V, log_z), V)}
        row["rsm_half"] = completion(next_word_rsm, rbm, V, seed)
        start = time.process_time()
        lda = lda_model(size, seed, **chosen["lda"]).fit(X)
        row["lda_seconds"] = round(time.process_time() - start, 1)
        sampled, bound = log_p_lda(lda, V, seed)
        row |= {"lda": perplexity(sampled, V), "lda_bound": perplexity(bound, V)}
        row["lda_scikit_learn"] = round(lda.perplexity(V), 2)
        row["lda_half"] = completion(next_word_lda, lda, V, seed)
        report.setdefault(str(size), []).append(row)
        stored.write(TARGET, "perplexity", report)
    return report


def retrieval(chosen: dict) -> dict:
    """Share of the nearest training documents that have the label of the test document."""
    counts, labels = documents()
    X, V = counts["train"], counts["test"]
    y, y_test = labels["train"], labels["test"]
    tfidf = TfidfTransformer(sublinear_tf=True)
    report = {"chance": 0.5, "n_neighbours": N_NEIGHBOURS, "database": len(X), "queries": len(V)}
    report["tfidf"] = by_cosine(tfidf.fit_transform(X), tfidf.transform(V), y, y_test)
    for seed in SEEDS:
        first = replicated_softmax(128, seed, **chosen["rsm"])
        dbn = DBN(
            (128, 64, 32),
            [first, RBM(n_epochs=30, draw_visible=False), RBM(n_epochs=30, draw_visible=False)],
            random_state=seed,
        )
        dbn.fit(X)
        for layer, n_bits in enumerate(dbn.layer_sizes[1:], start=1):
            compare_codes(report, dbn, layer, n_bits, seed, tfidf, counts, labels)
        stored.write(TARGET, "retrieval", report)
    return report


def compare_codes(
    report: dict,
    dbn: DBN,
    layer: int,
    n_bits: int,
    seed: int,
    tfidf: TfidfTransformer,
    counts: dict,
    labels: dict,
) -> None:
    """Append to `report` what codes of `n_bits` find, and as many numbers by LSA."""
    y, y_test = labels["train"], labels["test"]
    rows, queries = (tfidf.transform(counts[name]) for name in ("train", "test"))
    lsa = make_pipeline(TruncatedSVD(n_bits, random_state=seed), Normalizer()).fit(rows)
    found = by_cosine(lsa.transform(rows), lsa.transform(queries), y, y_test)
    report.setdefault(f"lsa_{n_bits}", []).append(found)
    H, H_test = (dbn.transform(counts[name], layer) for name in ("train", "test"))
    codes, code_queries = (np.packbits(h > np.median(H, axis=0), axis=1) for h in (H, H_test))
    found = by_hamming(codes, code_queries, y, y_test)
    report.setdefault(f"hash_{n_bits}", []).append(found)


def by_cosine(rows, queries, y: np.ndarray, y_test: np.ndarray) -> dict:
    """Rows and queries have length 1."""
    start = time.process_time()
    similarity = queries @ rows.T
    similarity = similarity.toarray() if hasattr(similarity, "toarray") else similarity
    nearest = np.argpartition(-similarity, N_NEIGHBOURS, axis=1)[:, :N_NEIGHBOURS]
    return precision(nearest, y, y_test, time.process_time() - start)


def by_hamming(codes: np.ndarray, queries: np.ndarray, y: np.ndarray, y_test: np.ndarray) -> dict:
    start = time.process_time()
    words, query_words = (np.ascontiguousarray(c).view(np.uint32) for c in (codes, queries))
    nearest = []
    for query in query_words:
        distance = np.bitwise_count(words ^ query).sum(axis=1, dtype=np.uint16)
        nearest.append(np.argpartition(distance, N_NEIGHBOURS)[:N_NEIGHBOURS])
    return precision(np.array(nearest), y, y_test, time.process_time() - start)


def precision(nearest: np.ndarray, y: np.ndarray, y_test: np.ndarray, seconds: float) -> dict:
    share = float((y[nearest] == y_test[:, None]).mean())
    milliseconds = round(1000 * seconds / len(nearest), 4)
    return {"precision": round(share, 4), "milliseconds_per_query": milliseconds}


KINDS = {
    "rsm": (("learning_rate", "weight_decay"), RSM, replicated_softmax, next_word_rsm),
    "lda": (("doc_topic_prior", "topic_word_prior"), LDA, lda_model, next_word_lda),
}


def main() -> None:
    row = sys.argv[1]
    tuned = stored.read(TARGET).get("tune", {})
    if row == "tune":
        stored.write(TARGET, row, tune(tuned))
        return
    chosen = {name: tuned[name]["chosen"]["setting"] for name in KINDS}
    stored.write(TARGET, row, {"perplexity": perplexities, "retrieval": retrieval}[row](chosen))


if __name__ == "__main__":
    main()
