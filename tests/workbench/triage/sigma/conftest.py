"""Engines out of rules written in the tests."""

import pytest
import yaml

from bartizan.workbench.triage.sigma import Limits
from bartizan.workbench.triage.sigma.engine import Engine
from bartizan.workbench.triage.sigma.files import RuleFile
from bartizan.workbench.triage.sigma.pack import link
from bartizan.workbench.triage.sigma.parse import items


@pytest.fixture
def rule():
    """Write a rule as a mapping; what is not given is made up."""

    def write(detection, *, id_="00000000-0000-0000-0000-000000000001", logsource=None, **more):
        return {"title": "made up", "id": id_, "logsource": logsource or {"product": "test"}, "detection": detection, **more}

    return write


@pytest.fixture
def engine():
    """Compile rules (mappings or YAML), one file each; keyword arguments go to the engine."""

    def build(*rules, limits=None, **more):
        found = []
        for number, one in enumerate(rules):
            text = one if isinstance(one, str | bytes) else yaml.safe_dump(one, allow_unicode=True)
            content = text if isinstance(text, bytes) else text.encode()
            found += items(RuleFile(name=f"{number}.yml", content=content), limits or Limits())
        return Engine(link(found), **more)

    return build
