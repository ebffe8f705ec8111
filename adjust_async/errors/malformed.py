"""The error of a malformed document, before the request that it answers is known."""

__all__ = ["MalformedError"]


class MalformedError(Exception):
    """A document, or a part of one, does not match the API's documentation. Internal: callers get a `DecodeError`.

    Attributes:
        problem: What is wrong.
        location: The place in the document, relative to the part that was decoded.
        transient: Whether the document may have been cut off, so that another attempt may return all of it.
    """

    def __init__(self, problem: str, location: str = "", *, transient: bool = False) -> None:
        super().__init__(f"{problem} (at {location})" if location else problem)
        self.problem = problem
        self.location = location
        self.transient = transient

    def below(self, step: str) -> "MalformedError":
        """Return the same error with its location prefixed by one step of the enclosing document."""
        return MalformedError(self.problem, f"{step}{self.location}", transient=self.transient)
