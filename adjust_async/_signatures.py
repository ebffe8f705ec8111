"""Function signatures with every keyword written out, for completion and help in notebooks and shells."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_args, get_overloads

__all__ = ["spelled_out"]

F = TypeVar("F", bound=Callable[..., Any])


class _LeftOut:
    """The default shown for a keyword that is sent only if it is passed."""

    def __repr__(self) -> str:
        return "..."


_LEFT_OUT = _LeftOut()


def spelled_out(function: F) -> F:
    """Replace `**query: Unpack[...]` in a function's signature, or in those of its overloads, by its keywords.

    Required keywords come first among the keywords, optional ones last.
    """
    signature = inspect.signature(function)
    *own, query = signature.parameters.values()
    questions = [inspect.signature(each).parameters[query.name].annotation for each in get_overloads(function)]
    of_questions = [get_args(question)[0] for question in questions or [query.annotation]]
    annotations: dict[str, Any] = {}
    for of_question in of_questions:
        annotations |= of_question.__annotations__
    needed = frozenset.intersection(*(of_question.__required_keys__ for of_question in of_questions))
    required = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=get_args(annotation)[0])
        for name, annotation in annotations.items()
        if name in needed
    ]
    optional = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=_LEFT_OUT)
        for name, annotation in annotations.items()
        if name not in needed
    ]
    first = [parameter for parameter in own if parameter.kind is not inspect.Parameter.KEYWORD_ONLY]
    parameters = [*first, *required, *own[len(first) :], *optional]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # of functions
    return function
