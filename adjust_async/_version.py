"""The version, which the package and its build share."""

__version__ = "0.1.0"
