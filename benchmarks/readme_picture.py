"""Draw the picture of the README, in half a minute:

python benchmarks/readme_picture.py
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from dbnlab import DBN, datasets
from dbnlab.course import plots

TARGET = Path(__file__).parent / "results" / "readme_picture.png"
N_ROWS = 4


def main() -> None:
    plots.use_style()
    dbn = DBN.load(datasets.path("mnist_dbn.npz"))
    # The first dreams of each label, as they come.
    columns = [dbn.sample(N_ROWS, label=digit, random_state=digit) for digit in range(10)]
    dreams = np.stack(columns, axis=1).reshape(-1, columns[0].shape[1])
    fig, axes = plt.subplots(1, 2, figsize=(11, 2.6))
    plots.filters(dbn.rbms_[0], (28, 28), "What units of the first layer respond to", ax=axes[0])
    plots.images(dreams, (28, 28), "What the network dreams, told a digit", ax=axes[1])
    fig.savefig(TARGET, dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    main()
