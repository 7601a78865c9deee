"""The guided walk: what bartizan does, shown on sample data in under two minutes, each claim checked while it is shown.

Takes in an empty directory; starts the real processes there with a scripted model behind them, sends real requests, and reads
the record. Gives out one result a step; a step that does not find what it promises fails the tour.
"""

from bartizan.tour.walk import StepResult, TourResult, walk

__all__ = ["StepResult", "TourResult", "walk"]
