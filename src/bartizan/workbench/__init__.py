"""The defenders' rooms: each works without a model, better with one, and knows nothing of the others.

Takes in what an analyst has (reports, alerts, source code). Gives out findings that each point at their evidence.
"""

__all__: list[str] = []
