"""Layered controls around AI, measured together, that adapt fast; and AI put to work for defenders under those same controls."""

__version__ = "0.1.0"
