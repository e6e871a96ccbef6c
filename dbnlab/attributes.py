"""Fitted attributes of an estimator that show what a part of it holds."""

from operator import attrgetter
from typing import Any


def shown(part: str, name: str) -> Any:
    """A fitted attribute that shows what a part of the estimator holds; AttributeError if None."""

    def show(self: Any) -> Any:
        try:
            value = attrgetter(f"{part}.{name}")(self)
        except AttributeError:
            value = None
        if value is None:
            raise AttributeError(f"this {type(self).__name__} has no {name}_")
        return value

    def replace(self: Any, value: Any) -> None:
        setattr(attrgetter(part)(self), name, value)

    return property(show, replace)
