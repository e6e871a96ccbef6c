"""Rows unlike those that a model has learned, by scikit-learn's conventions for outliers."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from dbnlab import checks, greedy
from dbnlab.attributes import whole_or_not
from dbnlab.dbn import DBN
from dbnlab.grey import FEW_ROWS, cut_off
from dbnlab.rbm import RBM


@dataclass(eq=False, repr=False)
class NoveltyDetector(OutlierMixin, BaseEstimator):
    """An RBM or DBN that calls rows strange when their `score_samples` is low.

    The threshold comes from m usual rows that the model has not learned from, as scores of training
    rows are too good: it is their k-th lowest score, k = ⌊false_alarm_rate (m + 1)⌋. A further row
    like them then scores lower with probability k / (m + 1) at most, so the rate is kept in the
    mean over such detectors, whatever m is (conformal prediction: Vovk, Gammerman & Shafer 2005,
    "Algorithmic learning in a random world"). The rate of a single one varies around it.

    Binary units see a value beyond [0, 1] as 0 or 1. Where strange rows may lie outside of what the
    usual ones span, standardise the columns and take ``RBM(visible="gaussian")``.

    Parameters
    ----------
    model : RBM, DBN or FrozenEstimator, default=None
        Prototype, trained on usual rows. ``FrozenEstimator(rbm)`` takes a trained one, and all rows
        given to `fit` set the threshold. None means ``RBM()``.
    false_alarm_rate : float, default=0.05
        Share of the usual rows that may be called strange. A rate needs 1 / rate - 1 rows that set
        the threshold, 19 for 0.05.
    validation_fraction : float, default=0.2
        Share of the rows that set the threshold.
    random_state : int, numpy.random.Generator or None, default=None
        Source of all randomness; that of the prototype is not used.

    Attributes
    ----------
    model_ : RBM or DBN
    offset_ : float
        The threshold, on the scale of `score_samples`.
    n_features_in_ : int
    """

    model: RBM | DBN | FrozenEstimator | None = None
    false_alarm_rate: float = 0.05
    validation_fraction: float = 0.2
    random_state: checks.RandomState = None

    @whole_or_not()
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Train on usual rows and set the threshold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        self : NoveltyDetector

        Raises
        ------
        ValueError, TypeError
            If `X` or a parameter is not what it should be, or the rows are too few for the rate.
        """
        X = checks.table(X, "X", self, ensure_min_samples=2)
        checks.check_parameters(self, {"false_alarm_rate": checks.OPEN_SHARE})
        prototype = RBM() if self.model is None else self.model
        model, frozen = greedy.thawed("model", prototype, (RBM, DBN), self)
        rng, held_out = checks.as_generator(self.random_state), X
        if not frozen:
            n_held_out = min(len(X) - 1, max(1, round(self.validation_fraction * len(X))))
            held_out, rows = np.split(X[rng.permutation(len(X))], [n_held_out])
        # A hair more, so that rounding does not make a whole number one less.
        rank = int(self.false_alarm_rate * (len(held_out) + 1) * (1 + 1e-12))
        if not rank:
            needed = f"{int(np.ceil(1 / self.false_alarm_rate)) - 1} rows that set the threshold"
            found = f"false_alarm_rate={self.false_alarm_rate} needs {needed}, there are"
            raise ValueError(f"{found} {len(held_out)}: give more, or raise validation_fraction")
        if not frozen:
            model = clone(model).set_params(random_state=checks.draw_seed(rng)).fit(rows)
            checks.pass_names_on(self, model)
        self.model_ = model
        self.offset_ = float(np.sort(self._scores(held_out))[rank - 1])
        return self

    def score_samples(self, X: ArrayLike) -> NDArray:
        """The model's score of each row, in nats: the lower, the stranger."""
        check_is_fitted(self)
        rows, model = checks.table(X, "X", self, reset=False), self.model_
        unit = model.visible_unit_ if isinstance(model, RBM) else model.stack_.units[0]
        # However far beyond [0, 1]: rows may be strange for that, but not most of a table.
        if len(rows) < FEW_ROWS:
            return self._scores(np.where(unit.binary(), np.clip(rows, 0, 1), rows))
        return self._scores(cut_off(rows, unit.binary(), -np.inf, np.inf))

    def _scores(self, rows: NDArray) -> NDArray:
        # A model that knows the names of its columns wants to see them.
        if hasattr(self.model_, "feature_names_in_"):
            rows = pd.DataFrame(rows, columns=self.model_.feature_names_in_)
        return self.model_.score_samples(rows)

    def decision_function(self, X: ArrayLike) -> NDArray:
        """`score_samples` less the threshold: negative for strange rows."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray:
        """-1 for each strange row, 1 for each usual one."""
        return np.where(self.decision_function(X) < 0, -1, 1)
