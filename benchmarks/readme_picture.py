"""Draw the picture of the README, in about two minutes on one core:

python benchmarks/readme_picture.py
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from dbnlab import RBM, datasets
from dbnlab.course import plots

TARGET = Path(__file__).parent / "results" / "readme_picture.png"


def main() -> None:
    plots.use_style()
    data = datasets.load_mnist(binarize="sample", random_state=0)
    rbm = RBM(
        n_hidden=400,
        algorithm="pcd",
        learning_rate=np.linspace(0.1, 0.002, 15),
        momentum=0.5,
        n_epochs=15,
        random_state=0,
        verbose=1,
    ).fit(data.X)
    start = data.X[np.random.default_rng(1).choice(len(data.X), 40, replace=False)]
    V = rbm.sample(40, n_gibbs=2000, init=start, random_state=2)
    fig, axes = plt.subplots(1, 2, figsize=(11, 2.6))
    plots.filters(rbm, data.image_shape, "What hidden units look for", ax=axes[0])
    dreams = rbm.inverse_transform(rbm.transform(V))
    plots.images(dreams, data.image_shape, "What the machine dreams up", ax=axes[1])
    fig.savefig(TARGET, dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    main()
