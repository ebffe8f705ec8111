"""Content codings: right bytes to the end of the stream, or an error, never fewer bytes."""

import gzip
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise

import pytest
from hypothesis import example, given, settings, strategies as st

from adjust_async._http.codings import PIECE, CodingError, Unpacker, ends_by_itself

BODY = b"day,installs\n" + b"".join(b"2026-11-%02d,%d\n" % (day % 30 + 1, day * 7919) for day in range(300))


def raw_deflate(data: bytes) -> bytes:
    """Compress as deflate without zlib's header, as some services do."""
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(data) + packing.flush()


Pack = Callable[[bytes], bytes]
PACKERS: dict[str, Pack] = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress}
PACKED = [*PACKERS.items(), ("deflate", raw_deflate)]


def unpack(header: str | None, *pieces: bytes) -> bytes:
    """Decompress a body that arrived in pieces."""
    unpacker = Unpacker(header)
    unpacked = b"".join(piece for data in pieces for piece in unpacker.feed(data))
    unpacker.finish()
    return unpacked


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Cut at some places."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


places = st.lists(st.integers(0, 10_000), max_size=6)
bodies = st.binary(max_size=300) | st.integers(0, 3 * PIECE).map(lambda size: b"x" * size) | st.just(BODY)


@pytest.mark.parametrize(("coding", "pack"), PACKED)
@given(body=bodies, at=places)
@example(body=b"", at=[])
@example(body=b"x" * PIECE, at=[1])
@example(body=b"x" * 5 * PIECE, at=[])
def test_compressed_bodies_are_decompressed(coding: str, pack: Pack, body: bytes, at: list[int]) -> None:
    """However the compressed bytes are divided, the body is decompressed."""
    assert unpack(coding, *cut(pack(body), at)) == body


@given(body=st.binary(max_size=300), codings=st.lists(st.sampled_from(sorted(PACKERS)), max_size=4), at=places)
def test_several_codings(body: bytes, codings: list[str], at: list[int]) -> None:
    """Nested codings are removed in the reverse order."""
    packed = body
    for coding in codings:
        packed = PACKERS[coding](packed)
    assert unpack(", ".join(codings), *cut(packed, at)) == body


@pytest.mark.parametrize(("coding", "pack"), PACKED)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_every_cut_is_noticed(coding: str, pack: Pack, step: int) -> None:
    """A compressed body that is cut anywhere is an error that another attempt may fix."""
    packed = pack(BODY)
    # Byte by byte each length takes as many steps: one in eleven is tried then, and each one at the end.
    end = len(packed) - 40 if step == 1 else 1
    for length in (*range(1, end, 11), *range(end, len(packed))):
        begin = packed[:length]
        with pytest.raises(CodingError, match="is cut") as caught:
            unpack(coding, *(begin[start : start + step] for start in range(0, length, step)))
        assert caught.value.transient


@settings(max_examples=300)
@given(
    members=st.lists(st.binary(max_size=80) | st.just(BODY), min_size=1, max_size=4),
    zeros=st.lists(st.integers(0, 20), min_size=4, max_size=4),
    at=places,
    length=st.integers(1, 10_000),
)
def test_members_are_joined_or_missed(members: list[bytes], zeros: list[int], at: list[int], length: int) -> None:
    """All gzip members are decompressed. A cut anywhere but between two of them is an error, never a shorter body."""
    packed_members = [gzip.compress(member) + b"\0" * zero for member, zero in zip(members, zeros, strict=False)]
    packed = b"".join(packed_members)
    assert unpack("gzip", *cut(packed, at)) == b"".join(members)
    begin = packed[: length % len(packed)]
    ends = [end - zero for end, zero in zip(accumulate(map(len, packed_members)), zeros, strict=False)]
    starts = [0, *accumulate(map(len, packed_members))]
    if any(end <= len(begin) <= start for end, start in zip(ends, starts[1:], strict=True)) or not begin:
        return  # within the padding or at the end of a member, where nobody can know that more was to come
    with pytest.raises(CodingError):
        unpack("gzip", *cut(begin, at))


@given(noise=st.binary(max_size=60), at=places)
def test_noise_is_an_error_or_empty(noise: bytes, at: list[int]) -> None:
    """Bytes that were never compressed raise `CodingError` and nothing else."""
    for coding in ("gzip", "deflate", "gzip, deflate"):
        with suppress(CodingError):
            unpack(coding, *cut(noise, at))


@given(place=st.integers(0, 10_000), mask=st.integers(1, 255))
def test_damage_is_noticed(place: int, mask: int) -> None:
    """A flipped bit in the compressed stream is an error, or has no effect. It never leads to another body."""
    packed = bytearray(gzip.compress(BODY))
    packed[place % len(packed)] ^= mask
    with suppress(CodingError):
        assert unpack("gzip", bytes(packed)) == BODY


@pytest.mark.parametrize(("coding", "pack"), PACKED)
@pytest.mark.parametrize("rest", [b"x", b"\0x", b"<html>", b"\n"])
def test_another_rest_is_refused(coding: str, pack: Pack, rest: bytes) -> None:
    """Anything after the end of the stream, except zeros, is refused, and another attempt would not help."""
    with pytest.raises(CodingError, match="more bytes after the end") as caught:
        unpack(coding, pack(BODY) + rest)
    assert not caught.value.transient
    assert unpack(coding, pack(BODY) + b"\0" * 1000, b"\0", b"") == BODY


@pytest.mark.parametrize("header", [None, "", "identity", "Identity", " , identity,"])
def test_a_body_that_was_not_packed(header: str | None) -> None:
    """Without a coding, the body is unchanged."""
    assert unpack(header, b"ab", b"", b"c") == b"abc"
    assert not ends_by_itself(header)


@pytest.mark.parametrize("header", ["gzip", "GZIP", "x-gzip", "deflate", "gzip, gzip", "identity, gzip"])
def test_an_empty_body_is_complete(header: str) -> None:
    """An answer without a body, such as 204, is complete."""
    assert unpack(header) == b""
    assert unpack(header, b"") == b""
    assert ends_by_itself(header)


@pytest.mark.parametrize(
    ("header", "named"),
    [("br", "'br'"), ("zstd", "'zstd'"), ("gzip, br", "'br'"), ("compress", "'compress'"), ("x;y", "'x;y'")],
)
def test_a_coding_that_was_not_asked_for(header: str, named: str) -> None:
    """A coding that was not requested is named, and another attempt would not help."""
    with pytest.raises(CodingError, match=named) as caught:
        Unpacker(header)
    assert not caught.value.transient


def test_many_codings_are_refused() -> None:
    """A header can't make the SDK keep a thousand decoders."""
    with pytest.raises(CodingError, match="it has 1000 nested codings"):
        Unpacker(",".join(["gzip"] * 1000))


@pytest.mark.parametrize("body", [b"no gzip", b"<html>", b"{}", b"\x1fno", b"\x1f\x8bxxxxxxxxxx"])
def test_a_body_without_its_coding(body: bytes) -> None:
    """A body without its coding's header would be repeated, so another attempt would not help."""
    with pytest.raises(CodingError, match="is not valid gzip") as caught:
        unpack("gzip", body)
    assert not caught.value.transient


@pytest.mark.parametrize(("coding", "pack"), PACKED)
def test_a_bomb_stays_in_pieces(coding: str, pack: Pack) -> None:
    """A small body that expands to a large one never becomes a large piece of memory."""
    pieces = [len(piece) for piece in Unpacker(coding).feed(pack(b"\0" * 50_000_000))]
    assert sum(pieces) == 50_000_000
    assert max(pieces) <= PIECE


def test_a_bomb_in_a_bomb_stays_in_pieces() -> None:
    """The inner coding is decompressed piece by piece as well."""
    packed = gzip.compress(gzip.compress(b"\0" * 50_000_000))
    total = 0
    for piece in Unpacker("gzip, gzip").feed(packed):
        assert len(piece) <= PIECE
        total += len(piece)
    assert total == 50_000_000
