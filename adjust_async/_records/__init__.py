"""Build records from decoded JSON: by the one cattrs converter, or as one of the same shape was built."""

from adjust_async._records.converter import adapt, prepare, structure, structure_records

__all__ = ["adapt", "prepare", "structure", "structure_records"]
