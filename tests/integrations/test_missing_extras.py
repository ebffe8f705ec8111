"""A framework that is not installed is named with the extra that brings it."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(("integration", "missing"), [("fastapi", "fastapi"), ("dask", "dask"), ("dlt", "dlt")])
def test_a_missing_framework_names_its_extra(integration: str, missing: str) -> None:
    """Importing an integration without its framework fails with the command that installs it."""
    program = f"import sys; sys.modules[{missing!r}] = None; import adjust_async.integrations.{integration}"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    last = finished.stderr.splitlines()[-1]
    assert last.startswith(f"ModuleNotFoundError: adjust_async.integrations.{integration} needs {missing}")
    assert last.endswith(f": pip install 'adjust_async[{integration}]'")
