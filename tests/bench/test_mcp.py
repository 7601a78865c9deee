import os
import shutil
from pathlib import Path

import pytest

from bartizan.bench.mcp import run
from bartizan.errors import ConfigError


def test_without_the_suite_the_bench_says_how_to_get_it(tmp_path):
    with pytest.raises(ConfigError) as caught:
        run("node", tmp_path / "index.js")
    assert "npm install" in caught.value.hint


@pytest.mark.slow
def test_the_official_conformance_suite_passes_directly_and_through_the_gateway():
    suite, node = os.environ.get("MCP_CONFORMANCE", ""), os.environ.get("MCP_NODE", "node")
    if not suite or not shutil.which(node):
        pytest.skip("MCP_CONFORMANCE names no dist/index.js of @modelcontextprotocol/conformance, or there is no Node.js")
    results = run(node, Path(suite))
    for way, scenarios in results.items():
        assert len(scenarios) >= 32, way
        assert [scenario.name for scenario in scenarios if scenario.failed] == []
