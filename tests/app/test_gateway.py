"""What keeps a gateway from starting."""

import pytest

from bartizan.app.gateway import check_actions
from bartizan.config import GatewaySettings
from bartizan.errors import ConfigError
from bartizan.event import Tier
from bartizan.policy import parse_rows, shipped


def test_a_policy_that_reroutes_needs_a_model_to_reroute_to():
    rows = parse_rows('[malware_high]\npublic = "reroute"\nverified = "flag"\ntrusted = "flag"\nrestricted = "flag"')
    with pytest.raises(ConfigError, match="malware_high"):
        check_actions(rows, GatewaySettings())
    check_actions(rows, GatewaySettings(safer_model="small"))


def test_what_ships_starts():
    check_actions(parse_rows(shipped().rows), GatewaySettings())
    assert set(parse_rows(shipped().rows)) == set(Tier)
