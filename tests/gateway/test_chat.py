def test_a_chat_request_is_answered_and_on_record(serve, go):
    async def scenario():
        async with serve() as rig:
            answer = await rig.post("/v1/chat/completions", {"model": "scripted", "messages": [{"role": "user", "content": "hello"}]})
            assert answer.status == 200, answer.body
            assert answer.json["choices"][0]["message"]["content"] == "hello"
            admitted, completed = rig.ledger.bodies("exchange_admitted")[0], rig.ledger.bodies("exchange_completed")[0]
            assert admitted.model == "scripted"
            assert completed.outcome == "answered"
            assert rig.ledger.contents("exchange_completed")[0] == answer.body

    go(scenario())
