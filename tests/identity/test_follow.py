"""What one process writes, another that only follows the ledger acts upon: the real ledger, two holds on one directory."""

import asyncio
import time

import pytest

from bartizan.errors import RefusedError
from bartizan.event import GrantGiven, Tier
from bartizan.identity import Directory, Registrar
from bartizan.ledger import Ledger


@pytest.fixture
def two(tmp_path):
    ledgers = [Ledger.open(tmp_path / "data", role=role) for role in ("gateway", "cli")]
    gateway, cli = (Directory(ledger) for ledger in ledgers)
    yield ledgers[0], gateway, Registrar(ledgers[1], cli)
    for ledger in ledgers:
        ledger.close()


async def until_refused(directory, secret, within_s):
    async with asyncio.timeout(within_s):
        while True:
            try:
                directory.authenticate(secret, at=time.time())
            except RefusedError as error:
                return error.code
            await asyncio.sleep(0.01)


def test_a_revocation_elsewhere_refuses_here_within_a_second(two):
    ledger, gateway, registrar = two
    issued = registrar.bootstrap("Ada")
    secret = issued.secret.reveal()

    async def scene():
        ledger.catch_up()
        gateway.authenticate(secret, at=time.time())
        following = asyncio.get_running_loop().create_task(ledger.follow())
        await asyncio.to_thread(lambda: registrar.revoke(issued.key_id, actor=None, reason="lost"))
        code = await until_refused(gateway, secret, 1.0)
        following.cancel()
        return code

    assert asyncio.run(scene()) == "revoked_api_key"


def test_suspension_restoration_and_grants_arrive_and_names_are_content(two):
    ledger, gateway, registrar = two
    issued = registrar.bootstrap("Ada")
    registrar.grant(
        GrantGiven(grant="g", principal=issued.principal, tier=Tier.VERIFIED, purpose="x", expires_at=time.time() + 60), actor=None
    )
    ledger.catch_up()
    principal = gateway.authenticate(issued.secret.reveal(), at=time.time())
    assert gateway.tier(principal, requested=None, at=time.time()) is Tier.VERIFIED
    registrar.set_standing(issued.principal, "suspended", actor=None, reason="x")
    ledger.catch_up()
    with pytest.raises(RefusedError, match="suspended"):
        gateway.recheck(principal, tier=Tier.VERIFIED, at=time.time())
    registrar.set_standing(issued.principal, "good", actor=None, reason="x")
    ledger.catch_up()
    gateway.recheck(principal, tier=Tier.VERIFIED, at=time.time())
    assert ledger.content(gateway.name_entry(issued.principal)) == b'{"name":"Ada"}'
    raw = b"".join(path.read_bytes() for path in ledger.data.rglob("*") if path.is_file())
    assert b"Ada" not in raw
    assert issued.secret.reveal().encode() not in raw
