"""``bartizan triage``: log records and alerts in; Sigma matches, incidents and verdicts out. Each part adds its commands here."""

from __future__ import annotations

import typer

from bartizan.cli import triage_alerts, triage_hunt, triage_ingest, triage_run, triage_sigma, triage_tune

app = typer.Typer(no_args_is_help=True, add_completion=False, help="From log records and alerts to a few incidents with evidence.")
triage_run.add_to(app)
triage_alerts.add_to(app)
triage_sigma.add_to(app)
triage_ingest.add_to(app)
triage_tune.add_to(app)
triage_hunt.add_to(app)
