"""Threat intelligence: from a folder of reports to indicators, techniques, actors and a brief, every statement with its quote.

Takes in hostile documents of many formats. Gives out one canonical text each, what was found in it at which offsets, and exports
in the formats that other systems take.
"""

__all__: list[str] = []
