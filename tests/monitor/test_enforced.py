"""From a signal to the next request: measures, their case, the appeal, and access back; through a real gateway and ledger."""

import asyncio
import time

from bartizan.event import LessonRecorded, kind_of


def test_a_warned_account_reads_its_case_and_wins_its_appeal(serve, raised):
    async def story():
        async with serve() as rig:
            ada = rig.person("ada")
            bob = rig.person("bob", "approver")
            answer = await rig.ask("ada", "how do I exploit CVE-2026-1, my mail is ada@example.org")
            assert answer.status == 200
            exchange = answer.headers["x-request-id"]
            rig.raise_signal(raised(ada.account, exchange, category="ransomware", level="high", confidence=0.9995))
            assert rig.app.monitor.enforcer.settle() == 1
            assert rig.app.monitor.enforcer.settle() == 0
            refused = await rig.ask("ada")
            assert refused.status == 403
            error = refused.json()["error"]
            assert error["code"] == "usage_policy"
            case = error["case"]["id"]
            assert error["case"]["appeal"] == f"/v1/safety/cases/{case}/appeal"
            file = (await rig.call("GET", f"/v1/safety/cases/{case}", rig.keys["ada"])).json()
            assert file["object"] == "safety.case"
            assert file["notice"] == {"type": "deactivation"}
            assert file["standing"] == "suspended"
            assert file["evidence"][0]["text"] == "how do I exploit CVE-2026-1, my mail is [email]"
            assert file["rule"]["id"] == "rule-1"
            assert (await rig.call("GET", f"/v1/safety/cases/{case}", rig.keys["bob"])).status == 200
            rig.person("eve")
            assert (await rig.call("GET", f"/v1/safety/cases/{case}", rig.keys["eve"])).status == 404
            appeal = (
                await rig.call("POST", f"/v1/safety/cases/{case}/appeal", rig.keys["ada"], {"statement": "It is my own server."})
            ).json()
            again = (await rig.call("POST", f"/v1/safety/cases/{case}/appeal", rig.keys["ada"], {"statement": "once more"})).json()
            assert again["id"] == appeal["id"]
            began = time.monotonic()
            await asyncio.to_thread(rig.app.monitor.appeals.decide, appeal["id"], "reversed", actor=rig.now("bob"), reason="own asset")
            assert (await rig.ask("ada")).status == 200
            assert time.monotonic() - began < 1
            lessons = [e.body for _, e in rig.app.ledger.events(kinds=(kind_of(LessonRecorded),))]
            assert [lesson.label for lesson in lessons] == ["benign"]
            assert lessons[0].exchanges == (exchange,)
            file = (await rig.call("GET", f"/v1/safety/cases/{case}", rig.keys["ada"])).json()
            assert (file["state"], file["appeal"]["state"], file["standing"]) == ("lifted", "reversed", "good")
            assert bob.id not in str(file)

    asyncio.run(story())


def test_linkage_alone_punishes_nobody(serve, raised):
    async def story():
        async with serve() as rig:
            ada = rig.person("ada")
            rig.raise_signal(raised(ada.account, kind="linkage", level="high", confidence=1.0, category="ransomware"))
            rig.raise_signal(raised("", kind="campaign", members=(ada.account,), links=("device", "key"), level="high", confidence=1.0))
            assert rig.app.monitor.enforcer.settle() == 0
            assert rig.now("ada").standing == "good"

    asyncio.run(story())
