"""Fitted attributes of an estimator: all or none of them, and those that a part of it holds."""

import copy
from collections.abc import Callable
from functools import wraps
from typing import Any


def whole_or_not(*changed_in_place: str) -> Callable[[Callable], Callable]:
    """Decorator of a method that trains: if it does not end, the estimator is as it was before.

    Whatever the cause, Ctrl-C included. The method makes new attributes, or changes those in place
    that are named here.
    """

    def decorate(method: Callable) -> Callable:
        @wraps(method)
        def train(self: Any, *args: Any, **kwargs: Any) -> Any:
            before = dict(vars(self))
            # Together, so that what two of them share is shared by the copies.
            parts = {name: before[name] for name in changed_in_place if name in before}
            before |= copy.deepcopy(parts)
            try:
                return method(self, *args, **kwargs)
            except BaseException:
                # In one step, which a second Ctrl-C cannot cut in two.
                self.__dict__ = before
                raise

        return train

    return decorate


def shown(part: str, name: str) -> Any:
    """A fitted attribute that shows what a part of the estimator holds; AttributeError if None."""

    def show(self: Any) -> Any:
        value = getattr(getattr(self, part, None), name, None)
        if value is None:
            raise AttributeError(f"this {type(self).__name__} has no {name}_")
        return value

    def replace(self: Any, value: Any) -> None:
        setattr(getattr(self, part), name, value)

    return property(show, replace)
