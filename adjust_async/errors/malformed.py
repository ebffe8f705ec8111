"""What is wrong with a document, until it is known which request it answers."""

__all__ = ["MalformedError"]


class MalformedError(Exception):
    """A document, or a part of one, that is not what its API documents; internal, callers get a `DecodeError`.

    Attributes:
        problem: What is wrong.
        location: Where in the document, or below the part that was looked at.
        transient: Whether the document may have broken off, so that another attempt may get a whole one.
    """

    def __init__(self, problem: str, location: str = "", *, transient: bool = False) -> None:
        super().__init__(f"{problem} (at {location})" if location else problem)
        self.problem = problem
        self.location = location
        self.transient = transient

    def below(self, step: str) -> "MalformedError":
        """Return a new error for the same fault, with its location as seen from one step further out."""
        return MalformedError(self.problem, f"{step}{self.location}", transient=self.transient)
