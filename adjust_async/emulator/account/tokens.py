"""Tokens in Adjust's format: lower-case letters and digits."""

import itertools
import random
import string

_ALPHABET = string.digits + string.ascii_lowercase
_TRIPLES = tuple("".join(triple) for triple in itertools.product(_ALPHABET, repeat=3))
_TOKENS = len(_TRIPLES) ** 2
# Neither even nor a multiple of three, thus coprime with 36 ** 6: multiplying by it permutes all
# six-character tokens.
_STRIDE = 1_327_217_885

APP_TOKEN_LENGTH = 12
API_TOKEN_LENGTH = 20


def random_token(source: random.Random, length: int) -> str:
    """Return a random token with that many characters."""
    return "".join(source.choices(_ALPHABET, k=length))


class TrackerTokens:
    """Six-character tokens by number. Two billion of them are unique, without checking those that exist."""

    def __init__(self, seed: int) -> None:
        self._offset = random.Random(seed).randrange(_TOKENS)

    def token(self, number: int) -> str:
        """Return the token of the tracker with that number."""
        high, low = divmod((self._offset + number * _STRIDE) % _TOKENS, len(_TRIPLES))
        return _TRIPLES[high] + _TRIPLES[low]
