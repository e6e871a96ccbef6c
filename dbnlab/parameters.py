"""The parameters of `RBM`: what is wrong with them, and how they are written to a file."""

from dataclasses import asdict, fields
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np

from dbnlab import checks, units
from dbnlab.effort import SMALLEST_BATCH, Effort
from dbnlab.grey import is_grey
from dbnlab.learning import Recipe
from dbnlab.rows import Batches, Table

# For Bernoulli units, Gaussian visible units and Gaussian hidden units, which have no bounds.
RATE, RATE_OF_GAUSSIAN, RATE_OF_LINEAR_CODE = 0.05, 0.005, 0.001

RULES = {
    **dict.fromkeys(["n_hidden", "n_gibbs"], checks.COUNT),
    **dict.fromkeys(["weight_decay", "sparsity_cost"], checks.AMOUNT),
    "hidden": partial(checks.check_choice, choices=("bernoulli", "gaussian")),
    "algorithm": partial(checks.check_choice, choices=("cd", "pcd")),
    "dtype": partial(checks.check_choice, choices=("float32", "float64")),
    "learn_variance": checks.check_flag,
    "draw_visible": partial(checks.check_flag, or_none=True),
    "validation_fraction": partial(checks.check_number, kind=Real, **checks.SHARE_OR_ZERO),
    "sparsity_target": partial(checks.OPEN_SHARE, or_none=True),
}


def check_parameters(rbm: Any) -> None:
    """Raise ValueError or TypeError for a parameter that training cannot use."""
    checks.check_parameters(rbm, RULES)
    n_epochs = _planned_epochs(rbm)
    if rbm.learning_rate is not None:
        checks.check_schedule(rbm.learning_rate, "learning_rate", n_epochs, **checks.POSITIVE)
    checks.check_schedule(rbm.momentum, "momentum", n_epochs, **checks.SHARE_OR_ZERO)
    if isinstance(rbm.visible, units.ReplicatedSoftmax):
        if rbm.algorithm == "pcd":
            raise ValueError("algorithm='pcd' has no length for ReplicatedSoftmax: choose 'cd'")
        if rbm.backend == "tensorflow":
            raise ValueError("backend='tensorflow' has no ReplicatedSoftmax: choose 'numpy'")
    if rbm.sparsity_target is None and rbm.sparsity_cost:
        raise ValueError("sparsity_cost > 0 needs a sparsity_target, such as 0.1")
    if rbm.sparsity_target is not None and rbm.hidden != "bernoulli":
        raise ValueError("sparsity_target is an activity: it needs hidden='bernoulli'")


def _planned_epochs(rbm: Any) -> int | None:
    """Those given, by number or by a schedule; None where they follow from the rows."""
    schedules = [s for s in (rbm.learning_rate, rbm.momentum) if np.ndim(s)]
    return len(schedules[0]) if rbm.n_epochs is None and schedules else rbm.n_epochs


def effort(rbm: Any, n_rows: int) -> tuple[int, int]:
    """Batch size and number of epochs for so many rows to train on."""
    return Effort(n_epochs=10, n_updates=1000).of(n_rows, rbm.batch_size, _planned_epochs(rbm))


def recipe_of(rbm: Any, rows: Table | Batches, visible: units.Unit) -> Recipe:
    """What `dbnlab.learning` needs to know of the parameters: for None, what suits the rows."""
    given = {field.name: getattr(rbm, field.name) for field in fields(Recipe)}
    given["batch_size"], given["n_epochs"] = effort(rbm, rows.n_rows)
    if rbm.learning_rate is None:
        rate = RATE_OF_GAUSSIAN if np.isfinite(visible.variances()).any() else RATE
        rate = RATE_OF_LINEAR_CODE if rbm.hidden == "gaussian" else rate
        # Fewer rows, as one by one in `partial_fit`, are noise to steps of that size.
        given["learning_rate"] = rate * min(1, rows.n_rows / SMALLEST_BATCH)
    if rbm.draw_visible is None:
        given["draw_visible"] = is_grey(rows.monitored(), visible.binary())
    return Recipe(**given)


def parameters_as_json(model: Any, **instead: Any) -> dict[str, Any]:
    """Those of an RBM or DBN, some replaced, as JSON can hold them; a generator is not kept."""
    parameters = model.get_params(deep=False) | instead
    if isinstance(parameters.get("visible"), units.Unit):
        parameters["visible"] = unit_as_json(parameters["visible"])
    if not isinstance(model.random_state, Integral):
        parameters["random_state"] = None
    return parameters


def parameters_from_json(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters that `parameters_as_json` described."""
    if isinstance(parameters["visible"], dict):
        return parameters | {"visible": unit_from_json(parameters["visible"])}
    return dict(parameters)


def unit_as_json(unit: units.Unit) -> dict[str, Any]:
    """The unit's type and the numbers that make it."""
    if isinstance(unit, units.Joint):
        return {"type": "Joint", "units": [unit_as_json(part) for part in unit.units]}
    return {"type": type(unit).__name__} | asdict(unit)


def unit_from_json(description: dict[str, Any]) -> units.Unit:
    """The unit that `unit_as_json` described."""
    numbers = {name: value for name, value in description.items() if name != "type"}
    kind = {kind.__name__: kind for kind in units.TYPES}[description["type"]]
    if kind is units.Joint:
        return kind(*(unit_from_json(part) for part in numbers["units"]))
    return kind(**numbers)
