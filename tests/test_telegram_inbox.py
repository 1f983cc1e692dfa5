"""The queue of updates: what was emptied since it came before does not make the one that waits done."""

from __future__ import annotations

import asyncio
import json

from telegram import Update

from bot.telegram.inbox import Inbox, InOrder
from bot.telegram.patience import Allowance, Patience
from bot.telegram.store import Store

BODY = {"update_id": 5, "message": {"message_id": 1, "date": 1, "chat": {"id": 7, "type": "private"}, "text": "How?"}}


def test_an_update_that_waits_and_comes_again_stays_until_it_is_handled() -> None:
    """After a kill Telegram sends it anew, beside the one that the store gives: only the handled one is done."""

    async def nothing(*_: object) -> None:
        return

    async def run() -> None:
        store = Store(":memory:")
        assert store.take_in([(5, json.dumps(BODY))]) == {5}
        inbox = Inbox(store)
        assert await inbox.put_waiting(None) == 1  # type: ignore[arg-type]
        await inbox.put(Update(5))  # as it is told to PTB the second time
        assert inbox.qsize() == 1
        patience = Patience(Allowance(60), Allowance(60), nothing, lambda _: True)
        in_order = InOrder(store, inbox, patience)
        assert store.count_waiting() == 1
        update = await inbox.get()
        await in_order.do_process_update(update, nothing())
        assert store.count_waiting() == 0
        assert inbox.left == set()

    asyncio.run(run())
