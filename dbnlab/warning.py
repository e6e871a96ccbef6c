"""Warnings that point at a line of the user, however deep in the package they arise."""

import inspect
import warnings

# Packages whose lines are none of the user's: this one, and that of the pipelines around it.
OURS = ("dbnlab", "sklearn")


def warn(sentence: str, category: type[Warning] = UserWarning) -> None:
    """A warning at the innermost line that is neither of this package nor of scikit-learn."""
    frame, level = inspect.currentframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in OURS:
        frame, level = frame.f_back, level + 1
    warnings.warn(sentence, category, stacklevel=level)
