"""Threat intelligence and models: a brief's prompts go through the gateway in this process, as the person who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bartizan.app.asking import asking
from bartizan.config import Settings
from bartizan.workbench.intel.brief import Brief
from bartizan.workbench.intel.document import TLP
from bartizan.workbench.intel.found import Report
from bartizan.workbench.intel.told import tell


def model_brief(data: Path, settings: Settings, *, key: str, model: str, brief: Brief, reports: Sequence[Report]) -> Brief:
    """Return the brief with a model's checked claims in front; quotes above ``[intel] model_tlp`` are in no prompt."""
    levels = {report.document.id: report.document.tlp or settings.intel.unmarked_tlp for report in reports}
    most = TLP.index(settings.intel.model_tlp)

    async def run() -> Brief:
        async with asking(data, settings, role="intel", key=key, model=model) as asked:
            return await tell(brief, asked.ask, may_go=lambda document: TLP.index(levels[document]) <= most)

    return asyncio.run(run())
