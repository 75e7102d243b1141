"""A first install answers people, learns of what they do, and lets nobody else in."""

import asyncio
from datetime import UTC, datetime
from random import Random

import httpx
import psycopg

from oo.bus.publisher import publish
from oo.bus.streams import FEATURES_BUCKET
from oo.events.envelope import SCHEMA_VERSION, Envelope
from oo.events.feedback import ReactionKind, TipExposed, TipReacted
from oo.features.nats_online_store import NatsOnlineStore
from oo.wiring.process import new_id
from tests.cluster.asking import asking, on_the_bus, question, until
from tests.cluster.commands import forwarded, helm
from tests.cluster.installation import database_password


async def test_a_tip_is_chosen_and_another_one_is_written_through_the_gateway() -> None:
    async with asking() as client:
        scored = await client.post("/score", json=question(2))
        assert scored.status_code == 200, scored.text
        assert scored.json()["degraded"] == []
        written = await client.post("/generate", json={"tenant_id": "example", "user_id": "ada", "topic": "rest"})
        assert written.status_code == 200, written.text
        assert written.json()["degraded"] == []


async def test_who_has_no_token_is_not_answered() -> None:
    async with asking(token="x" * 32) as client:
        for path in ("/score", "/generate"):
            assert (await client.post(path, json={})).status_code == httpx.codes.UNAUTHORIZED


def test_the_charts_own_tests_pass() -> None:
    for release in ("oo-scorer", "oo-generator"):
        helm("test", release)


async def test_what_a_person_does_becomes_a_feature_and_a_reward() -> None:
    user = f"user-{new_id()}"
    async with asking() as client, on_the_bus("caller") as caller, on_the_bus("operator") as operator:

        async def tell(**event: object) -> None:
            told = {"event_id": str(new_id()), "schema_version": SCHEMA_VERSION, "producer": "cluster-tests"}
            about = {"occurred_at": datetime.now(UTC), "tenant_id": "example", "user_id": user}
            await publish(caller, Envelope.model_validate({**told, **about, **event}))

        await tell(session_started={})
        answer = (await client.post("/score", json=question(5, user))).json()
        shown = {"decision_id": answer["decision_id"], "tip_id": answer["tip_id"]}
        await tell(tip_exposed=TipExposed(**shown))
        await tell(tip_reacted=TipReacted(**shown, kind=ReactionKind.COMPLETED))
        await until(lambda: _row(answer["decision_id"]))
        store = NatsOnlineStore(await operator.key_value(FEATURES_BUCKET), Random(0))  # noqa: S311  # spreads retries
        await until(lambda: store.get("example", user))


async def _row(decision: str) -> bool:
    """Whether the reward join knows that the tip of this decision was shown and done."""

    def asked() -> bool:
        with (
            forwarded("service/oo-postgres", 5432) as port,
            psycopg.connect(
                f"postgresql://oo:{database_password()}@127.0.0.1:{port}/tip_scores", connect_timeout=5
            ) as database,
        ):
            found = database.execute(
                "select exposed_at is not null and reaction is not null from tip_scores where decision_id = %s",
                (decision,),
            ).fetchone()
            return bool(found and found[0])

    return await asyncio.to_thread(asked)
