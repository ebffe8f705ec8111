"""JSON: small documents decoded at once, large ones slice by slice in a thread."""

from adjust_async._json.decoding import JSONDecodeError, RepeatedKeyError, dumps, loads
from adjust_async._json.slices import SLICE, loads_in_slices, loads_packing

__all__ = ["SLICE", "JSONDecodeError", "RepeatedKeyError", "dumps", "loads", "loads_in_slices", "loads_packing"]
