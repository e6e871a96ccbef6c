"""Everything at its default, on tables of other people: a DBN against scikit-learn's defaults.

    taskset -c 0 python benchmarks/defaults.py [table …]

Thirteen tables of 90 to 12,114 training rows, three splits each with 60 % of the rows to train,
columns scaled to [0, 1]. A score is 100 times the accuracy or R² on the other 40 %; the rival is
the better of the linear model and the MLP, in the mean over the splits. Five of the tables come
with scikit-learn; the others lie as files in packages that nothing here imports:

    python -m pip install --no-deps statsmodels palmerpenguins vega_datasets lifelines

Writes results/defaults.json after each table, and prints all tables there are.
"""

import sys
import time
import warnings
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import stored
from sklearn import datasets as sets
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import MinMaxScaler

from dbnlab import DBNClassifier, DBNRegressor
from dbnlab.datasets import load_csv

TARGET = Path(__file__).parent / "results" / "defaults.json"
# The defaults were chosen on splits 0 and 1 of these tables.
SPLITS = (10, 11, 12)
Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

CARRIED = {
    "iris": sets.load_iris,
    "wine": sets.load_wine,
    "breast cancer": sets.load_breast_cancer,
    "digits": sets.load_digits,
    "diabetes": sets.load_diabetes,
}
# Package, file, target and columns that are no features.
FILES = {
    "penguins": ("palmerpenguins", "penguins.csv", "species", ("year",)),
    "affairs": ("statsmodels", "fair.csv", "affairs", ()),
    "election": ("statsmodels", "anes96.csv", "PID", ()),
    "visits": ("statsmodels", "randhie.csv", "mdvis", ()),
    "schools": ("statsmodels", "star98.csv", "MATHTOT", ()),
    "cars": ("vega_datasets", "cars.json", "Miles_per_Gallon", ("Name", "Year")),
    "weather": ("vega_datasets", "seattle-weather.csv", "weather", ("date",)),
    "trial": ("lifelines", "ACTG175.csv", "cd420", ()),
}
REGRESSION = ("diabetes", "visits", "schools", "cars", "trial")


def table(name: str) -> pd.DataFrame:
    """The columns of a file in a package, the target last and called "target"."""
    package, file, target, left_out = FILES[name]
    path = next(path for path in files(package) or () if path.name == file).locate()
    read = pd.read_json if file.endswith(".json") else pd.read_csv
    frame = read(path, **({"sep": "\t"} if file == "anes96.csv" else {}))
    frame.columns = [column.strip("'") for column in frame.columns]
    frame = frame.drop(columns=list(left_out)).dropna(subset=[target])
    if name == "trial":
        frame = frame.select_dtypes("number")
    y = frame.pop(target)
    if name == "affairs":
        y = y > 0
    elif name == "visits":
        y = np.log1p(y)
    return frame.assign(target=y.astype(str) if name not in REGRESSION else y)


def splits(name: str) -> Iterator[Split]:
    """Training and test rows, scaled by the training rows, and their targets."""
    for seed in SPLITS:
        if name in CARRIED:
            X, y = CARRIED[name](return_X_y=True)
            strata = None if name in REGRESSION else y
            X, X_test, y, y_test = train_test_split(
                X, y, test_size=0.4, stratify=strata, random_state=seed
            )
            scaler = MinMaxScaler(clip=True).fit(X)
            yield scaler.transform(X), scaler.transform(X_test), y, y_test
        else:
            with TemporaryDirectory() as folder:
                path = Path(folder) / f"{name}.csv"
                table(name).to_csv(path, index=False)
                data = load_csv(path, target="target", test_size=0.4, random_state=seed)
            yield data.X, data.X_test, data.y, data.y_test


def compare(name: str) -> dict:
    """Mean score of each method, and the seconds of processor of the longest fit of a DBN."""
    ours, linear, mlp = (
        (DBNRegressor, Ridge, MLPRegressor)
        if name in REGRESSION
        else (DBNClassifier, LogisticRegression, MLPClassifier)
    )
    found, seconds, doubts = [], [], 0
    for seed, (X, X_test, y, y_test) in zip(SPLITS, splits(name)):
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            rivals = [model.fit(X, y) for model in (linear(), mlp(random_state=seed))]
        scores = [model.score(X_test, y_test) for model in rivals]
        for pretrain in (True, False):
            start = time.process_time()
            with warnings.catch_warnings(record=True, action="always") as caught:
                model = ours(pretrain=pretrain, random_state=seed).fit(X, y)
            seconds.append(time.process_time() - start)
            doubts += sum(issubclass(w.category, ConvergenceWarning) for w in caught)
            scores.append(model.score(X_test, y_test))
        found.append(scores)
    methods = ("linear", "MLP", "DBN", "pretrain=False")
    return {
        "kind": "R²" if name in REGRESSION else "accuracy",
        "n_rows": len(X),
        "n_features": X.shape[1],
        "scores": dict(zip(methods, (100 * np.mean(found, axis=0)).round(2).tolist())),
        "seconds": round(max(seconds), 1),
        "doubts": doubts,
    }


def report(found: dict) -> None:
    """One line a table, and how far from the better rival."""
    names = [name for name in (*CARRIED, *FILES) if name in found]
    behind = []
    print(f"{'':14}{'rows':>7}{'linear':>8}{'MLP':>8}{'DBN':>8}{'random':>8}{'gain':>7}{'s':>7}")
    for name in names:
        scores, row = found[name]["scores"].values(), found[name]
        linear, mlp, dbn, random = scores
        behind.append([dbn - max(linear, mlp), random - max(linear, mlp)])
        print(f"{name:14}{row['n_rows']:7}" + "".join(f"{s:8.1f}" for s in scores), end="")
        print(f"{behind[-1][0]:+7.1f}{row['seconds']:7.1f}")
    dbn, random = np.transpose(behind)
    print(f"DBN: mean {dbn.mean():+.2f}, worst {dbn.min():+.2f}")
    print(f"from random weights: mean {random.mean():+.2f}, worst {random.min():+.2f}")


def main() -> None:
    for name in sys.argv[1:] or (*CARRIED, *FILES):
        stored.write(
            TARGET, name, {"command": "taskset -c 0 python benchmarks/defaults.py"} | compare(name)
        )
    report(stored.read(TARGET))


if __name__ == "__main__":
    main()
