"""Runs the manifest of airbyte-source-adjust 0.1.33 against another host: `run_airbyte.py URL read --config ...`.

It runs in another environment, whose packages are not those of this project.
"""

import sys
from importlib.resources import files

import yaml
from airbyte_cdk.entrypoint import launch
from airbyte_cdk.sources.declarative.manifest_declarative_source import ManifestDeclarativeSource

manifest = files("source_adjust").joinpath("manifest.yaml").read_text()
# In these two expressions the filter binds before the sum, which no release of the CDK can evaluate.
for sum_of_lists in ("config['metrics'] + config['additional_metrics']", 'config["dimensions"] + ["day"]'):
    assert sum_of_lists in manifest
    manifest = manifest.replace(sum_of_lists, f"({sum_of_lists})")
assert "https://dash.adjust.com" in manifest
manifest = manifest.replace("https://dash.adjust.com", sys.argv[1])
launch(ManifestDeclarativeSource(source_config=yaml.safe_load(manifest)), sys.argv[2:])
