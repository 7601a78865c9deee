"""The one way to call a model, and the one HTTP client.

Takes in upstream settings and request bytes; gives out answers as they stream in, from servers that settings allow and no others.
Also the embedded local model, and a scripted double that speaks every dialect. Judges nothing and records nothing.
"""

from bartizan.model.http import Client, Origin, Timeouts
from bartizan.model.upstream import Speaks, Upstream, Upstreams
from bartizan.model.wire import Response

__all__ = ["Client", "Origin", "Response", "Speaks", "Timeouts", "Upstream", "Upstreams"]
