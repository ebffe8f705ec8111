"""Injected faults: which requests they affect, and how they look on the wire."""
