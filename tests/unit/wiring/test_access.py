from collections.abc import Callable
from pathlib import Path
from typing import Never

import pytest
from fastapi import FastAPI

from bentos.generator.app import create_app as generator_app
from bentos.scorer.app import create_app as scorer_app
from oo.errors import InvalidSettings, TooManyRequests, Unauthorized
from oo.wiring.access import access

TOKEN = "planted-" + "x" * 32


def _connect() -> Never:
    raise AssertionError("it connects only when it knows who may ask")


@pytest.mark.parametrize("create_app", [scorer_app, generator_app])
@pytest.mark.parametrize("callers", [None, "nowhere.yaml"])
async def test_a_service_that_is_not_told_who_may_ask_does_not_start(
    create_app: Callable[..., FastAPI], callers: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OO_CALLERS", raising=False)
    app = create_app(_connect, access, max_body_bytes=1)  # which a build does too
    if callers is not None:
        monkeypatch.setenv("OO_CALLERS", callers)
    with pytest.raises(InvalidSettings, match="OO_CALLERS"):
        async with app.router.lifespan_context(app):
            pass


def test_the_environment_says_who_may_ask_and_how_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "callers.yaml"
    path.write_text(f"recommender: {{tokens: {TOKEN}}}")
    monkeypatch.setenv("OO_CALLERS", str(path))
    monkeypatch.setenv("OO_TENANT_REQUESTS_PER_SECOND", "0.1")
    monkeypatch.setenv("OO_TENANT_CONCURRENCY", "1")
    told = access()
    assert told.callers.of(f"Bearer {TOKEN}").name == "recommender"
    with pytest.raises(Unauthorized):
        told.callers.of(None)
    with told.limits.room_for("a"), pytest.raises(TooManyRequests, match="under way"), told.limits.room_for("a"):
        pass
    with pytest.raises(TooManyRequests, match="a second"), told.limits.room_for("a"):
        pass


def test_anyone_may_ask_where_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OO_CALLERS", "anyone")
    access().callers.of(None).check("any")
