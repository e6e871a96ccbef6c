"""Build the demo: one page, site/demo.html, that needs no server, no network and no other file.

python docs/demo/build.py

The weights come from data/mnist_dbn.npz, as whole numbers of eight bits with one scale a column,
the images from the test part of MNIST.
"""

import base64
import json
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dbnlab import DBN, datasets

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = ROOT / "site" / "demo.html"
# Each knows those before it, and none of their names twice.
SCRIPTS = (HERE / "dbn.js", ROOT / "dbnlab" / "course" / "drawing.js", HERE / "page.js")
# From the page, wherever both lie.
LESSON = "notebooks/17_watch_it_think.html"
LARGEST = 127
N_WRONG = 6


def script(*paths: Path) -> str:
    """Modules as one script: their imports and exports are left out, their names are shared."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    text = re.sub(r"^(import|export default)\b[^;]*;\n", "", text, flags=re.M)
    return re.sub(r"^export ", "", text, flags=re.M)


def rounded(weights: NDArray) -> tuple[NDArray, NDArray]:
    """Whole numbers of eight bits, and the scale of each column that makes weights of them."""
    scales = np.abs(weights).max(axis=0) / np.float32(LARGEST)
    return np.rint(weights / scales).astype(np.int8), scales.astype(np.float32)


def parts(dbn: DBN) -> dict:
    """The arrays of the network, as the constructor of `DBN` in dbn.js takes them."""
    n = dbn.stack_.n_directed
    layers = {
        "recognition": zip(dbn.recognition_weights_[:n], dbn.recognition_biases_),
        "generative": zip(dbn.generative_weights_[:n], dbn.generative_biases_),
    }
    found = {
        name: [{"weights": matrix(W), "bias": bias} for W, bias in pairs]
        for name, pairs in layers.items()
    }
    top = dbn.stack_.top
    found["top"] = {
        "weights": matrix(top.weights),
        "visibleBias": top.visible_bias,
        "hiddenBias": top.hidden_bias,
    }
    return found | {"nLabels": dbn.stack_.n_labels}


def matrix(weights: NDArray) -> dict:
    values, scales = rounded(weights)
    return {"shape": list(weights.shape), "values": values.ravel(), "scales": scales}


def test_images(dbn: DBN) -> dict:
    """The first image of each digit, and the errors that the network is most certain of."""
    mnist = datasets.load_mnist()
    p = dbn.predict_proba(mnist.X_test)
    first = [int(np.argmax(mnist.y_test == digit)) for digit in range(10)]
    wrong = np.flatnonzero(p.argmax(axis=1) != mnist.y_test)
    worst = wrong[np.argsort(-p[wrong].max(axis=1), kind="stable")[:N_WRONG]]
    rows = [*first, *worst.tolist()]
    pixels = np.rint(255 * mnist.X_test[rows]).astype(np.uint8)
    return {"pixels": pixels, "labels": mnist.y_test[rows].tolist(), "rows": rows}


def as_base64(array: NDArray) -> dict:
    """For json.dumps: the bytes of an array, and the name of its type in JavaScript."""
    name = {"int8": "Int8Array", "uint8": "Uint8Array", "float32": "Float32Array"}[array.dtype.name]
    little = array.astype(array.dtype.newbyteorder("<"))
    return {"type": name, "base64": base64.b64encode(little.tobytes()).decode()}


def build(target: Path = TARGET) -> Path:
    dbn = DBN.load(datasets.path("mnist_dbn.npz"))
    data = json.dumps({"dbn": parts(dbn), "images": test_images(dbn)}, default=as_base64)
    pieces = {"DATA": data, "SCRIPT": script(*SCRIPTS)}
    pieces["LESSON"] = LESSON
    pieces["STYLE"] = (HERE / "page.css").read_text(encoding="utf-8")
    page = (HERE / "page.html").read_text(encoding="utf-8")
    page = re.sub(r"\{\{(\w+)\}\}", lambda found: pieces[found[1]], page)
    target.parent.mkdir(exist_ok=True)
    target.write_text(page, encoding="utf-8", newline="\n")
    return target


if __name__ == "__main__":
    page = build()
    print(f"{page.relative_to(ROOT)}: {page.stat().st_size / 1e6:.2f} MB")
