"""Decode content codings completely: a compressed body that is cut is an error, never a shorter body.

httpx decodes too, but does not check that the stream has ended, and reads only the first of several gzip members.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

__all__ = ["PIECE", "CodingError", "Unpacker", "ends_by_itself"]

#: The maximum number of bytes in a decompressed piece, so that a small body can't expand into a large piece of memory.
PIECE = 64 * 1024

#: The maximum number of codings in one header.
MOST_CODINGS = 4

#: Words in the errors of zlib for an invalid header.
_HEADER_WORDS = ("header", "compression method", "window size")

_GZIP_MAGIC = b"\x1f"

_GZIP = zlib.MAX_WBITS + 16
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


class CodingError(Exception):
    """A body can't be decompressed. `transient` is whether another attempt may help: the body was cut or damaged."""

    def __init__(self, problem: str, *, transient: bool) -> None:
        super().__init__(problem)
        self.problem = problem
        self.transient = transient


class _Coding(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed bytes."""

    def finish(self) -> None:
        """Check that the compressed stream has ended."""


class _Stream:
    """One zlib stream, decompressed in pieces of limited size."""

    def __init__(self, coding: str, window_bits: int) -> None:
        self._coding = coding
        self._zlib = zlib.decompressobj(window_bits)
        self._started = False
        #: The bytes after the end of the stream.
        self.rest = b""

    @property
    def ended(self) -> bool:
        return self._zlib.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = self._zlib.decompress(data, PIECE)
            except zlib.error as error:
                raise self._broken(error) from None
            data = self._zlib.unconsumed_tail
            if piece:
                self._started = True
                yield piece
            if self._zlib.eof:
                self.rest = self._zlib.unused_data
                return
            # A full piece may leave output within zlib, even if all input was consumed.
            if not data and len(piece) < PIECE:
                return

    def _broken(self, error: zlib.error) -> CodingError:
        # A body without its coding's header was never compressed; any other error means damage on the way.
        never_packed = not self._started and any(words in str(error) for words in _HEADER_WORDS)
        return CodingError(f"it is not valid {self._coding} ({error})", transient=not never_packed)


class _Gzip:
    """Any number of consecutive gzip members, with zeros between and after them."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._member: _Stream | None = None
        self._members = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member is None:
                if self._members and not (data := data.lstrip(b"\0")):
                    return
                self._member = self._next_member(data)
            yield from self._member.feed(data)
            if not self._member.ended:
                return
            data, self._member = self._member.rest, None
            self._members += 1

    def _next_member(self, data: bytes) -> _Stream:
        # zlib would wait for a second byte before it reports this.
        if not data.startswith(_GZIP_MAGIC):
            raise (
                _rest(self._coding)
                if self._members
                else CodingError(f"it is not valid {self._coding}", transient=False)
            )
        return _Stream(self._coding, _GZIP)

    def finish(self) -> None:
        if self._member is not None:
            raise _cut_error(self._coding)


class _Deflate:
    """A zlib stream, or a raw deflate stream, which many services send under the same name."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._begin = b""
        self._stream: _Stream | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            self._begin += data
            if len(self._begin) < 2:
                return
            data = self._begin
            is_zlib = data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2]) % 31 == 0
            self._stream = _Stream(self._coding, _ZLIB if is_zlib else _RAW)
        if not self._stream.ended:
            yield from self._stream.feed(data)
            data = self._stream.rest
        if self._stream.ended and data.strip(b"\0"):
            raise _rest(self._coding)

    def finish(self) -> None:
        if self._begin and (self._stream is None or not self._stream.ended):
            raise _cut_error(self._coding)


_CODINGS: Mapping[str, Callable[[str], _Coding]] = {"gzip": _Gzip, "x-gzip": _Gzip, "deflate": _Deflate}


def _rest(coding: str) -> CodingError:
    return CodingError(f"there are more bytes after the end of the {coding} stream", transient=False)


def _cut_error(coding: str) -> CodingError:
    return CodingError(f"it is cut: the {coding} stream has no end", transient=True)


def _names(header: str | None) -> list[str]:
    if not header:
        return []
    names = [name.strip().lower() for name in header.split(",")]
    return [name for name in names if name and name != "identity"]


def ends_by_itself(header: str | None) -> bool:
    """Return whether a body with this `Content-Encoding` marks its own end."""
    return bool(_names(header))


class Unpacker:
    """Decompresses one body.

    Args:
        header: The `Content-Encoding` of the answer: the codings in the order in which they were applied.

    Raises:
        CodingError: It includes a coding that was not requested, or more than four codings.
    """

    def __init__(self, header: str | None) -> None:
        names = _names(header)
        if unknown := [name for name in names if name not in _CODINGS]:
            problem = f"its coding is {unknown[0][:40]!r}, which was not requested: only gzip and deflate were"
            raise CodingError(problem, transient=False)
        if len(names) > MOST_CODINGS:
            raise CodingError(f"it has {len(names)} nested codings", transient=False)
        self._codings: list[_Coding] = [_CODINGS[name](name) for name in reversed(names)]

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed bytes, in pieces of at most `PIECE` bytes.

        Raises:
            CodingError: The body is damaged, or its end is followed by something else.
        """
        return self._through(0, data)

    def finish(self) -> None:
        """Check that the body has ended. An empty body is complete.

        Raises:
            CodingError: The body was cut.
        """
        for coding in self._codings:
            coding.finish()

    def _through(self, layer: int, data: bytes) -> Iterator[bytes]:
        if layer == len(self._codings):
            for start in range(0, len(data), PIECE):
                yield data[start : start + PIECE]
            return
        for piece in self._codings[layer].feed(data):
            yield from self._through(layer + 1, piece)
