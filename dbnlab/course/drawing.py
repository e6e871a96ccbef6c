"""A pad to draw a digit on, which a model answers: the kernel's side of drawing.js."""

from pathlib import Path
from typing import Any

import numpy as np
from ipywidgets.widgets.trait_types import bytes_serialization
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from traitlets import Bytes, Dict

from dbnlab.checks import optional, real_array
from dbnlab.dbn import DBN

anywidget = optional("anywidget", "course")
SIDE = 28
HERE = Path(__file__).parent


class DrawingPad(anywidget.AnyWidget):
    """A canvas, what a model answers, and a film, as `drawing_pad` makes them.

    Outside a kernel it reads as one fixed line.

    Attributes
    ----------
    image : ndarray of shape (28, 28)
        What is drawn, as the model sees it: grey values in [0, 1], in steps of 1/255. An image that
        is assigned appears on the canvas.
    """

    _esm = (HERE / "drawing.js").read_text(encoding="utf-8")
    _css = (HERE / "drawing.css").read_text(encoding="utf-8")
    # Plain bytes would not arrive: what comes from the page is a memory view.
    drawn = Bytes(bytes(SIDE**2)).tag(sync=True, **bytes_serialization)
    film = Bytes().tag(sync=True, **bytes_serialization)
    answer = Dict().tag(sync=True)

    def __init__(self, model: Any, film: NDArray) -> None:
        self._model = model
        super().__init__(film=_bytes(film))
        self._think()
        self.observe(self._think, "drawn")

    @property
    def image(self) -> NDArray:
        return np.frombuffer(self.drawn, np.uint8).reshape(SIDE, SIDE) / np.float32(255)

    @image.setter
    def image(self, image: ArrayLike) -> None:
        pictures = _images(image, "image")
        if len(pictures) != 1:
            raise ValueError(f"image must be one picture, got {len(pictures)}")
        self.drawn = _bytes(pictures)

    def _think(self, change: Any = None) -> None:
        self.answer = _answer(self._model, self.image.reshape(1, -1))

    def __repr__(self) -> str:
        return "[a drawing pad, where a kernel runs]"


def drawing_pad(model: Any = None, film: ArrayLike | None = None) -> DrawingPad:
    """A pad to draw on, with the answer of a model after each stroke, and a film that plays.

    What is drawn is scaled to a box of 20 pixels and moved until its centre of mass is in the
    middle of 28×28 pixels, as the digits of MNIST were.

    Parameters
    ----------
    model : estimator, default=None
        A fitted model of 784 columns. It answers with the probabilities of its classes if it has
        `predict_proba`, and with the means of its layers if it is a `DBN` or has `transform`.
    film : array-like of shape (n_pictures, 784) or (n_pictures, 28, 28), default=None
        Grey values in [0, 1].

    Returns
    -------
    pad : DrawingPad
        Shows itself as the last line of a cell; ``pad.image`` is what is drawn.

    Raises
    ------
    ValueError, TypeError
        If the model takes other columns or is not fitted (`NotFittedError`), or if the film does
        not consist of such pictures.
    """
    if model is not None:
        check_is_fitted(model)
    return DrawingPad(model, np.zeros((0, SIDE**2)) if film is None else _images(film, "film"))


def _images(X: ArrayLike, name: str) -> NDArray:
    """Rows of 784 grey values."""
    X = real_array(X, name)
    if not X.size or (X.shape[-1:] != (SIDE**2,) and X.shape[-2:] != (SIDE, SIDE)):
        raise ValueError(f"{name} must be pictures of 28×28 pixels, got shape {X.shape}")
    if X.min() < 0 or X.max() > 1:
        raise ValueError(
            f"{name} must lie in [0, 1], black to white, got values from {X.min():g} to {X.max():g}"
        )
    return X.reshape(-1, SIDE**2)


def _bytes(values: NDArray) -> bytes:
    """Values in [0, 1] in 256 steps."""
    return np.rint(255 * values).astype(np.uint8).tobytes()


def _answer(model: Any, row: NDArray) -> dict[str, Any]:
    """What drawing.js shows: classes with probabilities, and layers as pictures."""
    layers: dict[str, NDArray] = {}
    if isinstance(model, DBN):
        numbers = reversed(range(len(model.rbms_)))
        layers = {f"layer {n + 1}": model.transform(row, layer=n)[0] for n in numbers}
    elif hasattr(model, "transform"):
        layers = {"hidden units": np.ravel(model.transform(row))}
    answer: dict[str, Any] = {"layers": [_layer(*layer) for layer in layers.items()]}
    if hasattr(model, "predict_proba"):
        answer["classes"] = [str(label) for label in model.classes_]
        answer["probabilities"] = np.ravel(model.predict_proba(row)).tolist()
    return answer


def _layer(title: str, values: NDArray) -> dict[str, Any]:
    low, high = min(0, values.min()), max(1, values.max())
    # Twice as wide as high.
    columns = int(np.ceil(np.sqrt(2 * len(values))))
    scaled = (values - low) / (high - low)
    padded = np.pad(scaled, (0, -len(values) % columns))
    title = f"{title}: {len(values)} units, {low:.3g} black, {high:.3g} white"
    return {"title": title, "columns": columns, "values": _bytes(padded)}
