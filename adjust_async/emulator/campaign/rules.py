"""The Campaign API's rules for page sizes and names."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Names = Literal["given", "nfc", "lower", "trimmed"] | Callable[[str], str]
"""The form in which names of new trackers are stored and returned; see `Emulator`."""

_FORMS: Mapping[str, Callable[[str], str]] = {
    "given": str,
    "nfc": lambda name: unicodedata.normalize("NFC", name),
    "lower": str.lower,
    "trimmed": str.strip,
}
_TAKEN = (400, 409, 422, 200)


@dataclass(frozen=True, slots=True)
class CampaignRules:
    """The options of `Emulator` that only the Campaign API uses. Raises `ValueError` for an invalid one."""

    page_size: int = 50
    duplicate_names: Literal["refuse", "allow"] = "refuse"
    taken: Literal[400, 409, 422, 200] = 400
    names: Names = "given"
    list_lag: float = 0.0

    def __post_init__(self) -> None:
        if self.duplicate_names not in {"refuse", "allow"}:
            raise ValueError(f'duplicate_names is "refuse" or "allow", not {self.duplicate_names!r}.')
        if self.taken not in _TAKEN:
            raise ValueError(f"taken is one of {', '.join(map(str, _TAKEN))}, not {self.taken!r}.")
        if not callable(self.names) and self.names not in _FORMS:
            raise ValueError(f"names is one of {', '.join(_FORMS)}, or a function, not {self.names!r}.")
        if not self.list_lag >= 0:
            raise ValueError(f"list_lag is in seconds and at least 0, not {self.list_lag!r}.")

    def kept_name(self, name: str) -> str:
        """Return the form of a name that is stored."""
        return self.names(name) if callable(self.names) else _FORMS[self.names](name)
