"""The door alone, with LiteLLM's own types; a small server stands in for hook-service."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import hmac
import itertools
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import toolturn_guardrail as door
from aiohttp import web
from fastapi import HTTPException
from litellm.integrations.custom_guardrail import CustomGuardrail
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import LiteLLM_ObjectPermissionTable, UserAPIKeyAuth
from litellm.types.utils import ModelResponse, ModelResponseStream

import litellm

SECRET = "the secret of today"
PREVIOUS = "the secret of yesterday"
KEY = UserAPIKeyAuth(api_key="hash-of-alice", key_alias="alice", user_id="user-alice", team_id="team-a")
CHAT = "http://litellm:4000/v1/chat/completions"
ARMED = {
    "action": "arm",
    "set": {"tools": [{"type": "function", "function": {"name": "notes__look_up"}}]},
    "remove": ["tool_choice"],
    "turn": {"turn": "turn1234", "client_tools": 0},
    "deadline": 30,
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "SECRETS", [SECRET, PREVIOUS])
    monkeypatch.setattr(door, "_app", lambda: None)  # there is no proxy around
    monkeypatch.setattr(door, "URL", f"http://127.0.0.1:{unused_port()}")


def unused_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def open_door(monkeypatch: pytest.MonkeyPatch, **hooks: Handler) -> AsyncIterator[door.Toolturn]:
    """The door before a hook-service that answers with these handlers (`pre_call`, `post_call`, `stream`)."""
    app = web.Application()
    for name, handler in hooks.items():
        app.router.add_route("*", f"/hooks/{name.replace('_', '-')}", handler)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    monkeypatch.setattr(door, "URL", f"http://127.0.0.1:{runner.addresses[0][1]}")
    guardrail = door.Toolturn(guardrail_name="toolturn", event_hook="pre_call", default_on=True)
    try:
        yield guardrail
    finally:
        await close(guardrail)
        await runner.cleanup()


async def close(guardrail: door.Toolturn) -> None:
    for session in guardrail._sessions.values():
        await session.close()


def closed_door() -> door.Toolturn:
    return door.Toolturn(guardrail_name="toolturn", event_hook="pre_call", default_on=True)


def answering(body: dict, status: int = 200, asked: list[dict] | None = None) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        if asked is not None:
            # A turn's request may stay open behind its first line.
            asked.append(
                {**orjson.loads(await request.content.readline()), "secret": request.headers["x-toolturn-secret"]}
            )
        return web.json_response(body, status=status)

    return handler


def a_request(url: str = CHAT, headers: dict[str, str] | None = None, **body: Any) -> dict:
    """Data of a hook as LiteLLM 1.77.3 builds it."""
    sent = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}], **body}
    return {
        **sent,
        "metadata": {**body.get("metadata", {}), "headers": {}},
        "litellm_call_id": "call-id-1",
        "proxy_server_request": {"url": url, "method": "POST", "headers": {}, "body": dict(sent)},
        "secret_fields": {"raw_headers": {"Authorization": "Bearer sk-alice", **(headers or {})}},
    }


def an_armed_request() -> dict:
    data = a_request()
    data["metadata"][door.MARK] = {
        "state": "armed",
        "dialect": "chat",
        "turn": ARMED["turn"],
        "deadline": 5,
        "set": [],
        "remove": [],
    }
    return data


def a_response(**message: Any) -> ModelResponse:
    return ModelResponse(
        id="chatcmpl-1",
        model="demo",
        choices=[{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", **message}}],
        usage={"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
    )


CALL = {"id": "call_1", "type": "function", "function": {"name": "notes__look_up", "arguments": "{}"}}


def a_call() -> ModelResponse:
    return a_response(content=None, tool_calls=[CALL])


def a_chunk(**delta: Any) -> ModelResponseStream:
    return ModelResponseStream(id="chatcmpl-1", model="demo", choices=[{"index": 0, "delta": delta}])


def a_call_chunk() -> ModelResponseStream:
    return a_chunk(tool_calls=[{"index": 0, **CALL}])


async def chunks(*each: Any) -> AsyncIterator[Any]:
    for chunk in each:
        yield chunk


def sign(turn: str = "turn1234", key: str = "hash-of-alice", expires: object = None, secret: str = SECRET) -> str:
    expires = int(time.time()) + 600 if expires is None else expires
    digest = hmac.new(secret.encode(), f"{turn}.{expires}.{key}".encode(), hashlib.sha256).hexdigest()
    return f"{turn}.{expires}.{digest}"


def is_continuation(token: str, key: UserAPIKeyAuth = KEY) -> bool:
    return door._is_continuation(door._headers(a_request(headers={"X-Toolturn-Continuation": token})), key)


class TestAContinuationIs:
    @pytest.mark.parametrize("secret", [SECRET, PREVIOUS])
    def test_known_by_a_mark_signed_with_the_secret_of_today_or_the_one_before(self, secret: str) -> None:
        assert is_continuation(sign(secret=secret))

    def test_known_for_a_caller_without_a_key(self) -> None:
        assert is_continuation(sign(key=""), UserAPIKeyAuth())

    @pytest.mark.parametrize(
        "token",
        [
            sign(secret="a guess"),
            sign(secret=""),
            sign(expires=int(time.time()) - 1),
            sign(key="hash-of-bob"),
            sign(turn=""),
            sign() + "0",
            sign() + ".more",
            sign().upper(),
            "other" + sign(),
            sign(expires="9" * 5000),
            sign(expires="1e99"),
            sign(expires="²"),
            sign(expires=-1),
            "",
            ".",
            "..",
            "turn1234",
            "turn1234.99999999999",
            "turn1234.99999999999.",
            "é.9999999999.é",
        ],
        ids=lambda token: token[:24] or "empty",
    )
    def test_nothing_that_a_client_could_make_up(self, token: str) -> None:
        assert not is_continuation(token)

    def test_nothing_at_all_where_no_secret_is_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(door, "SECRETS", [])
        assert not is_continuation(sign(secret=""))

    @pytest.mark.asyncio
    async def test_let_through_untouched(self) -> None:
        data = a_request(headers={"x-toolturn-continuation": sign()})
        before = {**data, "metadata": dict(data["metadata"])}
        assert await closed_door().async_pre_call_hook(KEY, None, data, "acompletion") == before


class TestBeforeTheCall:
    @pytest.mark.asyncio
    async def test_hook_service_gets_the_request_and_who_sent_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[dict] = []
        async with open_door(monkeypatch, pre_call=answering({"action": "pass"}, asked=asked)) as guardrail:
            await guardrail.async_pre_call_hook(KEY, None, a_request(temperature=0.5), "acompletion")
        [request] = asked
        assert request["secret"] == SECRET
        assert request["url"] == CHAT
        assert request["key"] == {
            "hash": "hash-of-alice",
            "alias": "alice",
            "user": "user-alice",
            "team": "team-a",
            "team_alias": None,
            "end_user": None,
            "grants": [],
        }
        assert request["call_id"] == "call-id-1"
        assert request["body"]["temperature"] == 0.5

    def test_hook_service_gets_what_litellm_grants_level_by_level(self) -> None:
        granted = LiteLLM_ObjectPermissionTable(
            object_permission_id="p", mcp_servers=["db"], mcp_access_groups=["data"]
        )
        key = UserAPIKeyAuth(api_key="h", team_alias="A team", end_user_id="eve", object_permission=granted)
        caller = door._request(a_request(), key, {})["key"]
        assert caller["grants"] == [{"mcp_servers": ["db"], "mcp_access_groups": ["data"]}]
        assert (caller["team_alias"], caller["end_user"]) == ("A team", "eve")
        newer = SimpleNamespace(mcp_servers=[], mcp_tool_permissions={"db": ["query"]}, mcp_toolsets=None)
        levels = {
            "team_object_permission": newer,
            "end_user_object_permission": LiteLLM_ObjectPermissionTable(object_permission_id="e"),
        }
        fields = SimpleNamespace(**{**key.model_dump(), "object_permission": granted, **levels})
        assert door._caller(fields)["grants"] == [
            {"mcp_servers": ["db"], "mcp_access_groups": ["data"]},
            {"mcp_tool_permissions": {"db": ["query"]}},
        ]

    @pytest.mark.asyncio
    async def test_what_litellm_left_in_its_database_is_asked_for_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reads: list[dict] = []

        async def find_unique(where: dict) -> LiteLLM_ObjectPermissionTable:
            reads.append(where)
            return LiteLLM_ObjectPermissionTable(object_permission_id="p-1", mcp_servers=["id-of-db"])

        table = SimpleNamespace(find_unique=find_unique)
        database = SimpleNamespace(db=SimpleNamespace(litellm_objectpermissiontable=table))
        monkeypatch.setattr("litellm.proxy.proxy_server.prisma_client", database)
        monkeypatch.setattr(door, "LOADED", {})
        key = UserAPIKeyAuth(api_key="h", object_permission_id="p-1")
        asked: list[dict] = []
        async with open_door(monkeypatch, pre_call=answering({"action": "pass"}, asked=asked)) as guardrail:
            for _ in range(2):
                await guardrail.async_pre_call_hook(key, None, a_request(), "acompletion")
        assert [request["key"]["grants"] for request in asked] == [[{"mcp_servers": ["id-of-db"]}]] * 2
        assert reads == [{"object_permission_id": "p-1"}]
        # The later hooks of the turn say the same.
        assert door._request(a_request(), key, {})["key"]["grants"] == [{"mcp_servers": ["id-of-db"]}]

    @pytest.mark.asyncio
    async def test_an_armed_turn_is_patched_and_marked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with open_door(monkeypatch, pre_call=answering(ARMED)) as guardrail:
            data = await guardrail.async_pre_call_hook(KEY, None, a_request(tool_choice="auto"), "acompletion")
        assert data["tools"] == ARMED["set"]["tools"]
        assert "tool_choice" not in data
        mark = data["metadata"][door.MARK]
        assert mark["state"] == "armed"
        assert mark["turn"] == ARMED["turn"]
        # What the later hooks send is the request as it went to the model.
        body = door._request(data, KEY, mark)["body"]
        assert body["tools"] == ARMED["set"]["tools"]
        assert "tool_choice" not in body

    @pytest.mark.asyncio
    async def test_nothing_is_marked_where_nothing_is_offered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        answer = {"action": "patch", "set": {}, "remove": ["tools"]}
        async with open_door(monkeypatch, pre_call=answering(answer)) as guardrail:
            data = await guardrail.async_pre_call_hook(KEY, None, a_request(tools="auto"), "acompletion")
        assert "tools" not in data
        assert door.MARK not in data["metadata"]

    @pytest.mark.asyncio
    @pytest.mark.parametrize("place", ["metadata", "litellm_metadata"])
    async def test_a_mark_that_the_client_wrote_is_dropped(self, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
        written = {door.MARK: {"state": "armed", "dialect": "chat", "turn": {"turn": "x" * 8, "client_tools": 0}}}
        async with open_door(monkeypatch, pre_call=answering({"action": "pass"})) as guardrail:
            data = {**a_request(), place: {**written, "own": 1}}
            data = await guardrail.async_pre_call_hook(KEY, None, data, "acompletion")
        assert data[place] == {"own": 1}

    @pytest.mark.asyncio
    @pytest.mark.parametrize("url", ["/v1/embeddings", "/v1/images/generations", "/rerank", "/mcp/", ""])
    async def test_other_paths_are_not_touched_and_not_asked_about(self, url: str) -> None:
        data = a_request(url=url)
        before = {**data, "metadata": dict(data["metadata"])}
        # Nothing listens: a question would leave its trace.
        assert await closed_door().async_pre_call_hook(KEY, None, data, "aembedding") == before

    @pytest.mark.asyncio
    async def test_the_request_goes_on_without_tools_where_nothing_listens(self) -> None:
        guardrail = closed_door()
        data = await guardrail.async_pre_call_hook(KEY, None, a_request(), "acompletion")
        await close(guardrail)
        assert "tools" not in data
        assert data["metadata"][door.MARK] == {"state": "unavailable"}
        assert data["metadata"]["applied_guardrails"] == ["toolturn-unavailable"]
        response = a_response(content="Hello.")
        await guardrail.async_post_call_success_hook(data, KEY, response)
        assert response._hidden_params["additional_headers"] == {"x-toolturn": "unavailable"}

    @pytest.mark.asyncio
    async def test_the_request_is_refused_where_nothing_listens_and_that_is_wanted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(door, "CLOSED", True)
        guardrail = closed_door()
        with pytest.raises(HTTPException) as raised:
            await guardrail.async_pre_call_hook(KEY, None, a_request(), "acompletion")
        await close(guardrail)
        assert (raised.value.status_code, raised.value.detail) == (503, {"error": door.AWAY})

    @pytest.mark.asyncio
    @pytest.mark.parametrize("status", [401, 500])
    async def test_the_request_goes_on_without_tools_where_hook_service_fails(
        self, monkeypatch: pytest.MonkeyPatch, status: int
    ) -> None:
        async with open_door(monkeypatch, pre_call=answering({"error": {"message": "no"}}, status)) as guardrail:
            data = await guardrail.async_pre_call_hook(KEY, None, a_request(), "acompletion")
        assert data["metadata"][door.MARK] == {"state": "unavailable"}


class TestApprovedCalls:
    @pytest.mark.asyncio
    async def test_are_waited_for_with_a_second_question(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[dict] = []

        async def pre_call(request: web.Request) -> web.Response:
            asked.append(orjson.loads(await request.read()))
            return web.json_response({"action": "wait", "deadline": 30} if len(asked) == 1 else ARMED)

        async with open_door(monkeypatch, pre_call=pre_call) as guardrail:
            data = await guardrail.async_pre_call_hook(KEY, None, a_request(), "acompletion")
        assert data["tools"] == ARMED["set"]["tools"]
        assert "waits" not in asked[0]
        assert asked[1] == {**asked[0], "waits": True}

    @pytest.mark.asyncio
    async def test_that_are_lost_end_the_request_with_503(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[dict] = []

        async def pre_call(request: web.Request) -> web.Response:
            asked.append({})
            if len(asked) == 1:
                return web.json_response({"action": "wait", "deadline": 30})
            return web.json_response({"error": {"message": "no"}}, status=500)

        async with open_door(monkeypatch, pre_call=pre_call) as guardrail:
            with pytest.raises(HTTPException) as refused:
                await guardrail.async_pre_call_hook(KEY, None, a_request(), "acompletion")
        assert (refused.value.status_code, refused.value.detail) == (503, {"error": door.LOST})


TICKET = {
    "version": "boot.1",
    "config": "config-1",
    "of": "*.1.c-*.0",
    "facts": {"scope": "scope-of-alice", "decision": "armed"},
    "unless": {"headers": ["x-mcp-", "x-toolturn-", "session_id"], "words": [["generate a ", " title"]], "tokens": 16},
}


class Follow:
    """What hook-service says to the door of its tickets."""

    def __init__(self, version: str = "boot.1") -> None:
        self.lines: asyncio.Queue[dict | None] = asyncio.Queue()
        self.say(version)

    def say(self, version: str, full: Any = ()) -> None:
        self.lines.put_nowait({"version": version, "full": full})

    def end(self) -> None:
        self.lines.put_nowait(None)

    async def __call__(self, _: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(_)
        while (line := await self.lines.get()) is not None:
            await reply.write(orjson.dumps(line) + b"\n")
        return reply


class FastPath:
    """A door that was given a ticket, and counts the requests that hook-service was asked about."""

    def __init__(self, guardrail: door.Toolturn, answer: dict, asked: list[dict], follow: Follow) -> None:
        self.guardrail, self.answer, self.asked, self.follow = guardrail, answer, asked, follow

    async def ask(self, data: dict | None = None, key: Any = KEY) -> tuple[dict, bool]:
        """The data behind the hook, and whether hook-service was asked."""
        before = len(self.asked)
        data = await self.guardrail.async_pre_call_hook(key, None, data or a_request(), "acompletion")
        return data, len(self.asked) > before

    async def until_lent(self) -> None:
        for _ in range(500):
            if not (await self.ask())[1]:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("hook-service is asked about every request")

    async def until_asked(self) -> None:
        for _ in range(500):
            if (await self.ask())[1]:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("hook-service is not asked any more")


@asynccontextmanager
async def fast_path(monkeypatch: pytest.MonkeyPatch, **answer: Any) -> AsyncIterator[FastPath]:
    asked: list[dict] = []
    follow = Follow()
    answer = {**ARMED, "remove": [], "ticket": TICKET, **answer}
    hooks = {"pre_call": answering(answer, asked=asked), "log": answering({})}
    async with open_door(monkeypatch, follow=follow, **hooks) as guardrail:
        yield FastPath(guardrail, answer, asked, follow)
        follow.end()


class TestATicket:
    @pytest.mark.asyncio
    async def test_answers_further_requests_of_the_same_caller(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            [data, was_asked], [other, _] = await path.ask(), await path.ask()
        assert not was_asked
        assert data["tools"] == ARMED["set"]["tools"]
        assert other["tools"] is not data["tools"]  # LiteLLM may change them
        mark = data["metadata"][door.MARK]
        assert mark["state"] == "armed"
        assert mark["turn"] != other["metadata"][door.MARK]["turn"]
        turn = mark["turn"]["turn"]
        assert data["metadata"][door.OF] == f"{turn}.1.c-{turn}.0"

    @pytest.mark.asyncio
    async def test_gives_each_request_an_offer_of_its_own_made_in_advance_where_there_was_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            await path.ask()
            tickets = path.guardrail._tickets
            path.guardrail._get_ready()
            ready = tickets._ready
            [second, _], [third, _] = await path.ask(), await path.ask()
            assert second["tools"] is ready["tools"]
            second["tools"].clear()  # LiteLLM may change them
            assert third["tools"] == ARMED["set"]["tools"]

    @pytest.mark.asyncio
    async def test_says_when_the_turn_began_and_with_what(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            data, _ = await path.ask(a_request(temperature=0.5))
            # What another hook does to the request does not change what was asked.
            data["proxy_server_request"]["body"]["messages"][0]["content"] = "[masked]"
            came = path.guardrail._came(data["metadata"][door.MARK])
        assert orjson.loads(orjson.dumps(came["asked"])) == {
            "model": "demo",
            "messages": [{"role": "user", "content": "Hello"}],
            "temperature": 0.5,
        }
        assert came["config"] == "config-1"
        assert 0 <= came["age"] < 5000
        assert came["request"]["facts"] == TICKET["facts"]

    @pytest.mark.asyncio
    async def test_under_which_nothing_is_offered_leaves_the_request_alone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nothing = {**TICKET, "of": "-.1.-.0"}
        async with fast_path(monkeypatch, action="pass", set={}, ticket=nothing) as path:
            await path.until_lent()
            data, was_asked = await path.ask()
        assert not was_asked
        assert "tools" not in data
        assert door.MARK not in data["metadata"]
        assert data["metadata"][door.OF] == "-.1.-.0"

    @pytest.mark.asyncio
    @pytest.mark.parametrize(
        "changed",
        [
            {"api_key": "hash-of-bob"},
            {"key_alias": "bob"},
            {"user_id": "user-bob"},
            {"team_id": "team-b"},
            {"team_alias": "B"},
            {"end_user_id": "eve"},
            {"object_permission": LiteLLM_ObjectPermissionTable(object_permission_id="p", mcp_servers=["db"])},
        ],
        ids=lambda changed: next(iter(changed)),
    )
    async def test_is_never_used_for_somebody_with_other_rights(
        self, monkeypatch: pytest.MonkeyPatch, changed: dict
    ) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            assert (await path.ask(key=KEY.model_copy(update=changed)))[1]
            assert not (await path.ask())[1]

    @pytest.mark.asyncio
    @pytest.mark.parametrize(
        "data",
        [
            a_request("http://litellm:4000/v1/embeddings/chat/completions"),
            a_request(tools=[]),
            a_request(tools="auto"),
            a_request(tool_choice="none"),
            a_request(functions=[]),
            a_request(n=2),
            a_request(model="other"),
            a_request(model=None),
            a_request(max_tokens=16),
            a_request(max_completion_tokens=True),
            a_request(unheard_of=1),
            a_request(metadata={"session_id": "s"}),
            a_request(messages=[]),
            a_request(messages="Hello"),
            a_request(messages=["Hello"]),
            a_request(messages=[{"role": "system", "content": "You help."}]),
            a_request(messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hi"}]),
            a_request(messages=[{"role": "user", "content": "Hi"}, {"role": "tool", "content": "Hi"}]),
            a_request(messages=[{"role": "user", "content": "Hi"}, {"role": "function", "content": "Hi"}]),
            a_request(messages=[{"role": "user", "content": "Hi"}, {"role": "system", "content": "Hi"}]),
            a_request(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]),
            a_request(messages=[{"role": "user", "content": "Generate a short TITLE"}]),
            a_request(messages=[{"role": "system", "content": "Generate a"}, {"role": "user", "content": "  title"}]),
            a_request(headers={"X-MCP-Servers": "db"}),
            a_request(headers={"X-Toolturn-Surface": "native"}),
            a_request(headers={"session_id": "s"}),
        ],
        ids=repr,
    )
    async def test_is_not_used_for_a_request_that_only_hook_service_can_judge(
        self, monkeypatch: pytest.MonkeyPatch, data: dict
    ) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            assert (await path.ask(data))[1]

    @pytest.mark.asyncio
    async def test_ends_with_its_version(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            path.follow.say("boot.2")
            await path.until_asked()
            # hook-service still answers with a ticket of before: it was on its way when the version changed.
            assert (await path.ask())[1]

    @pytest.mark.asyncio
    async def test_ends_with_the_connection(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            path.follow.end()
            await path.until_asked()

    @pytest.mark.asyncio
    async def test_ends_when_nothing_is_heard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(door, "SILENCE", 0.2)
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            await path.until_asked()

    @pytest.mark.asyncio
    @pytest.mark.parametrize("full", [["scope-of-alice"], True])
    async def test_is_not_used_while_the_caller_has_no_room(self, monkeypatch: pytest.MonkeyPatch, full: Any) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            path.follow.say("boot.1", full)
            await path.until_asked()
            path.follow.say("boot.1", ["scope-of-bob"])
            await path.until_lent()

    @pytest.mark.asyncio
    @pytest.mark.parametrize("place", ["metadata", "litellm_metadata"])
    async def test_that_a_client_makes_up_is_nothing(self, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
        written = {"ticket": TICKET, door.MARK: {"state": "armed", "began": 0.0, "turn": {"turn": "0" * 24}}}
        async with fast_path(monkeypatch, ticket=None) as path:
            data = {**a_request(ticket=TICKET), place: {**written, door.OF: "x"}, "ticket": TICKET}
            data, was_asked = await path.ask(data)
        assert was_asked
        assert door.MARK in data[place]
        assert data[place][door.MARK]["turn"] == ARMED["turn"]

    @pytest.mark.asyncio
    async def test_is_kept_for_a_thousand_callers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with fast_path(monkeypatch) as path:
            for number in range(1010):
                if number % 50 == 0:  # silence ends all tickets
                    path.follow.say("boot.1")
                await path.ask(key=KEY.model_copy(update={"user_id": f"user-{number}"}))
            tickets = path.guardrail._tickets
            assert len(tickets._kept) == 1000
            assert len(tickets._changes) == 1

    def test_of_many_turns_that_never_end_costs_no_more_than_so_much_memory(self) -> None:
        tickets = door.Toolturn(guardrail_name="toolturn", default_on=True)._tickets
        for number in range(40):
            tickets.remember(f"turn-{number}", {"messages": "x" * 2**20})
        assert sum(map(len, tickets._asked.values())) == tickets._size <= 2**24
        assert tickets.recall("turn-0") is None
        assert tickets.recall("turn-39") is not None


def said(*texts: str, **last_answer: Any) -> dict:
    """A request of a conversation in which these things were said by turns, a question last."""
    roles = itertools.cycle(["user", "assistant"])
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    messages[-2:-1] = [{**each, **last_answer} for each in messages[-2:-1]]
    return a_request(messages=messages)


async def answered(path: FastPath, data: dict, text: str, stream: bool = False) -> None:
    """The model answers this request with a text."""
    if not stream:
        await path.guardrail.async_post_call_success_hook(data, KEY, a_response(content=text))
        return
    pieces = chunks(a_chunk(role="assistant"), *(a_chunk(content=letter) for letter in text))
    async for _ in path.guardrail.async_post_call_streaming_iterator_hook(KEY, pieces, data):
        pass


class TestAConversationWithNothingHiddenInIt:
    @pytest.mark.asyncio
    async def test_goes_on_without_a_word_to_hook_service_once_that_has_looked(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            first = await path.ask(said("Hello", "Hi.", "How are you?"))
            again = await path.ask(said("Hello", "Hi.", "And how am I?"))
            other = await path.ask(said("Hello", "Ho.", "How are you?"))
        assert [first[1], again[1], other[1]] == [True, False, True]
        assert again[0]["tools"] == ARMED["set"]["tools"]

    @pytest.mark.asyncio
    @pytest.mark.parametrize("stream", [False, True])
    async def test_goes_on_behind_answers_that_are_the_models_own(
        self, monkeypatch: pytest.MonkeyPatch, stream: bool
    ) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            talk, kept = ["Hello"], len(path.guardrail._tickets._asked)
            for answer in ("Hi. ", "Well.", "Bye."):
                data, was_asked = await path.ask(said(*talk))
                assert not was_asked
                await answered(path, data, answer, stream)
                talk += [answer.strip(), "And?"]
            assert len(path.guardrail._tickets._asked) == kept  # a request that is over is kept no longer

    @pytest.mark.asyncio
    async def test_may_have_other_instructions_each_time_and_forms_that_say_the_same(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = said("Hello", "Hi.", "And?", refusal=None, annotations=[])
        messages = data["proxy_server_request"]["body"]["messages"]
        messages[0] = {"role": "user", "content": [{"type": "text", "text": "Hello"}], "name": "alice"}
        messages.insert(0, {"role": "system", "content": "It is noon."})
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            await path.ask(said("Hello", "Hi.", "And?"))
            assert not (await path.ask(data))[1]

    @pytest.mark.asyncio
    @pytest.mark.parametrize(
        "data",
        [
            said("Hello", "Hi.", "And?", "I see.", "What?"),
            said("Hello!", "Hi.", "And?"),
            said("Hello", "Hi.", "And?", tool_calls=[CALL]),
            said("Hello", "Hi.", "And?", reasoning_content="[toolturn] notes.look_up: started"),
            said("Hello", "", "And?"),
        ],
        ids=repr,
    )
    async def test_says_nothing_of_others(self, monkeypatch: pytest.MonkeyPatch, data: dict) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            await path.ask(said("Hello", "Hi.", "And?"))
            assert (await path.ask(data))[1]
            bob = KEY.model_copy(update={"api_key": "hash-of-bob"})
            assert (await path.ask(said("Hello", "Hi.", "And?"), key=bob))[1]

    @pytest.mark.asyncio
    @pytest.mark.parametrize("stream", [False, True])
    async def test_is_looked_at_again_once_its_last_question_was_answered_with_tools(
        self, monkeypatch: pytest.MonkeyPatch, stream: bool
    ) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            data, _ = await path.ask(said("Hello"))
            await answered(path, data, "Hi.")
            assert not (await path.ask(said("Hello", "Hi.", "And?")))[1]
            data, _ = await path.ask(said("Hello"))
            if stream:
                await read(path.guardrail, data, a_call_chunk())
            else:
                with pytest.raises(HTTPException):  # nobody is there to finish it
                    await path.guardrail.async_post_call_success_hook(data, KEY, a_call())
            assert (await path.ask(said("Hello", "Hi.", "And?")))[1]

    @pytest.mark.asyncio
    async def test_is_none_where_hook_service_gives_no_ticket(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            ticket = path.answer.pop("ticket")
            data, _ = await path.ask(said("Hello", "Hi.", "And?"))
            await answered(path, data, "I see.")
            path.answer["ticket"] = ticket
            assert (await path.ask(said("Hello", "Hi.", "And?", "I see.", "What?")))[1]
            assert (await path.ask(said("Hello", "Hi.", "And?")))[1]

    @pytest.mark.asyncio
    async def test_counts_as_one_for_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(door, "CLEAR", -1.0)
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            await path.ask(said("Hello", "Hi.", "And?"))
            assert (await path.ask(said("Hello", "Hi.", "And?")))[1]

    @pytest.mark.asyncio
    async def test_is_none_behind_an_answer_from_litellms_cache(self, monkeypatch: pytest.MonkeyPatch) -> None:
        response = a_response(content="Hi.")
        response._hidden_params["cache_hit"] = True
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            data, _ = await path.ask(said("Hello"))
            await path.guardrail.async_post_call_success_hook(data, KEY, response)
            assert (await path.ask(said("Hello", "Hi.", "And?")))[1]

    def test_costs_so_much_memory_at_most(self) -> None:
        conversations = closed_door()._conversations
        for number in range(door.CONVERSATIONS + 10):
            conversations.add(door._Past(f"question-{number}", f"answer-{number % 100}-{number}"))
        assert len(conversations._answers) == len(conversations._until) == door.CONVERSATIONS
        assert not conversations.hide_nothing(door._Past("question-0", "answer-0-0"))
        assert conversations.hide_nothing(door._Past("question-20", "answer-20-20"))


class TestTheRequestThatIsSent:
    @pytest.mark.asyncio
    async def test_holds_what_a_guardrail_before_it_has_made_of_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[dict] = []
        kept = [{"type": "function", "function": {"name": "read"}}]
        async with open_door(monkeypatch, pre_call=answering({**ARMED, "set": {}}, asked=asked)) as guardrail:
            data = a_request(tools=[*kept, {"type": "function", "function": {"name": "shell"}}])
            data["tools"] = kept
            data = await guardrail.async_pre_call_hook(KEY, None, data, "acompletion")
        assert asked[0]["body"]["tools"] == kept
        assert door._request(data, KEY, data["metadata"][door.MARK])["body"]["tools"] == kept

    def test_carries_the_clients_own_metadata_where_litellm_put_its_own_in_its_place(self) -> None:
        data = a_request()
        own = {"requester_metadata": {"session": "s1"}, "user_api_key": object()}
        data["proxy_server_request"]["body"]["metadata"] = own
        assert door._request(data, KEY, {})["body"]["metadata"] == {"session": "s1"}

    def test_carries_the_clients_metadata_as_it_is_otherwise(self) -> None:
        data = a_request(metadata={"session": "s1"})
        assert door._request(data, KEY, {})["body"]["metadata"] == {"session": "s1"}

    def test_has_header_names_in_lower_case(self) -> None:
        assert door._headers(a_request(headers={"X-Session": "1"})) == {
            "authorization": "Bearer sk-alice",
            "x-session": "1",
        }

    def test_is_the_clients_body_and_not_what_litellm_made_of_it(self) -> None:
        data = a_request(temperature=1)
        data["litellm_logging_obj"] = object()
        data["temperature"] = 0.1
        body = door._request(data, KEY, {})["body"]
        assert body["temperature"] == 1
        assert set(body) == {"model", "messages", "temperature"}

    def test_leaves_the_original_body_alone(self) -> None:
        data = a_request(tools="auto")
        data["tools"] = []
        door._request(data, KEY, {"set": ["tools"], "remove": ["model"], "turn": {}})
        assert data["proxy_server_request"]["body"]["tools"] == "auto"
        assert data["proxy_server_request"]["body"]["model"] == "demo"


FINISHED = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "demo",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "The word is quince."}}
    ],
    "usage": {"prompt_tokens": 30, "completion_tokens": 8, "total_tokens": 38},
}


class TestAfterTheCall:
    @pytest.mark.asyncio
    async def test_the_response_becomes_the_finished_answer_in_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        headers = {"x-toolturn-rounds": "2", "x-toolturn-calls": "1"}
        answer = {"action": "replace", "response": FINISHED, "headers": headers}
        asked: list[dict] = []
        response = a_call()
        response._hidden_params = {"additional_headers": {"llm_provider-x": "1"}, "model_id": "m"}
        async with open_door(monkeypatch, post_call=answering(answer, asked=asked)) as guardrail:
            await guardrail.async_post_call_success_hook(an_armed_request(), KEY, response)
        assert asked[0]["response"]["choices"][0]["message"]["tool_calls"][0]["id"] == "call_1"
        assert asked[0]["turn"] == ARMED["turn"]
        [choice] = response.choices
        assert choice.finish_reason == "stop"
        assert choice.message.content == "The word is quince."
        assert choice.message.tool_calls is None
        assert response.usage.prompt_tokens == 30
        assert response.usage.total_tokens == 38
        assert "notes__look_up" not in response.model_dump_json()
        assert response._hidden_params == {
            "additional_headers": {"llm_provider-x": "1", **headers},
            "model_id": "m",
        }

    @pytest.mark.asyncio
    async def test_an_answer_without_calls_stays_as_it_is_and_costs_no_request(self) -> None:
        response = a_response(content="Hello.")
        before = response.model_dump_json()
        await closed_door().async_post_call_success_hook(an_armed_request(), KEY, response)
        assert response.model_dump_json() == before
        assert response._hidden_params["additional_headers"] == {"x-toolturn-rounds": "1", "x-toolturn-calls": "0"}

    @pytest.mark.asyncio
    async def test_calls_of_the_client_stay_as_they_are(self, monkeypatch: pytest.MonkeyPatch) -> None:
        response = a_call()
        before = response.model_dump_json()
        async with open_door(monkeypatch, post_call=answering({"action": "pass"})) as guardrail:
            await guardrail.async_post_call_success_hook(an_armed_request(), KEY, response)
        assert response.model_dump_json() == before

    @pytest.mark.asyncio
    async def test_a_request_without_our_mark_is_not_touched(self) -> None:
        response = a_call()
        before = response.model_dump_json()
        assert await closed_door().async_post_call_success_hook(a_request(), KEY, response) is response
        assert response.model_dump_json() == before

    @pytest.mark.asyncio
    async def test_a_lost_hook_service_is_an_error_without_a_trace_of_the_call(self) -> None:
        guardrail = closed_door()
        with pytest.raises(HTTPException) as caught:
            await guardrail.async_post_call_success_hook(an_armed_request(), KEY, a_call())
        await close(guardrail)
        assert caught.value.status_code == 503
        assert caught.value.detail == {"error": door.LOST}
        assert caught.value.__cause__ is None
        assert "notes__" not in str(caught.value.detail)

    @pytest.mark.asyncio
    async def test_a_refusal_comes_with_its_status_and_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        refusal = {"error": {"message": "The model is overloaded.", "code": "429"}}
        async with open_door(monkeypatch, post_call=answering(refusal, 429)) as guardrail:
            with pytest.raises(HTTPException) as caught:
                await guardrail.async_post_call_success_hook(an_armed_request(), KEY, a_call())
        assert caught.value.status_code == 429
        assert caught.value.detail == {"error": "The model is overloaded."}

    @pytest.mark.asyncio
    async def test_an_error_that_is_no_json_is_told_in_our_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def html(_: web.Request) -> web.Response:
            return web.Response(status=502, text="<html>nginx at 10.0.0.7</html>")

        async with open_door(monkeypatch, post_call=html) as guardrail:
            with pytest.raises(HTTPException) as caught:
                await guardrail.async_post_call_success_hook(an_armed_request(), KEY, a_call())
        assert caught.value.detail == {"error": door.LOST}


class Judge(CustomGuardrail):
    """Another guardrail: it may refuse what the model says."""


class Changes(CustomLogger):
    async def async_post_call_success_hook(self, data: Any, user_api_key_dict: Any, response: Any) -> Any:
        return response


class Moderates(CustomLogger):
    async def async_moderation_hook(self, data: Any, user_api_key_dict: Any, call_type: Any) -> None:
        raise HTTPException(400, detail={"error": "No."})


class Counts(CustomLogger):
    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        pass


class Model:
    """What LiteLLM does between the two hooks, as tests/integration/fast-path.test.ts sees it do with its own proxy."""

    def __init__(self, guardrail: door.Toolturn, said: ModelResponse) -> None:
        self.guardrail, self.said = guardrail, said

    async def __call__(self, data: dict) -> ModelResponse:
        data = await self.guardrail.async_pre_call_hook(KEY, None, data, "completion")
        [response] = await asyncio.gather(self.complete(metadata=dict(data["metadata"])))
        return response

    async def complete(self, **request: Any) -> ModelResponse:
        await self.guardrail.async_post_call_success_deployment_hook(request, self.said, "acompletion")
        return self.said


async def until_gone(gone: asyncio.Event) -> None:
    """Until the door has hung up, which cancels the handler."""
    try:
        await asyncio.Event().wait()
    finally:
        gone.set()


async def armed(_: web.Request) -> web.Response:
    return web.json_response(ARMED)


class TestATurnIsHandedOn:
    @pytest.fixture(autouse=True)
    def callbacks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(litellm, "callbacks", [Counts()])

    async def posted_before_the_hook(
        self, monkeypatch: pytest.MonkeyPatch, data: dict, said: ModelResponse | None = None
    ) -> int:
        """How many turns hook-service has heard of by the time when LiteLLM calls the hook behind the call."""
        asked: list[dict] = []
        finished = answering({"action": "replace", "response": FINISHED, "headers": {}}, asked=asked)
        async with open_door(monkeypatch, pre_call=armed, post_call=finished) as guardrail:
            litellm.callbacks.append(guardrail)
            response = await Model(guardrail, said or a_call())(data)
            early = door.EARLY.get()
            begun = early is not None and early._posting is not None
            await guardrail.async_post_call_success_hook(data, KEY, response)
        assert response.choices[0].message.content == ("The word is quince." if asked else "Hello.")
        assert len(asked) == (0 if said else 1)
        return int(begun)

    @pytest.mark.asyncio
    async def test_before_litellm_calls_the_hook_behind_the_call(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert await self.posted_before_the_hook(monkeypatch, a_request()) == 1

    @pytest.mark.asyncio
    async def test_only_where_the_model_calls_a_tool(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert await self.posted_before_the_hook(monkeypatch, a_request(), a_response(content="Hello.")) == 0

    @pytest.mark.asyncio
    @pytest.mark.parametrize("other", [Judge, Changes, Moderates])
    async def test_in_the_hook_behind_the_call_where_somebody_else_may_refuse_the_answer(
        self, monkeypatch: pytest.MonkeyPatch, other: type
    ) -> None:
        litellm.callbacks.append(other())
        assert await self.posted_before_the_hook(monkeypatch, a_request()) == 0

    @pytest.mark.asyncio
    @pytest.mark.parametrize("more", [{"model": "one,two"}, {"fastest_response": True}, {"stream": True}])
    async def test_in_the_hook_behind_the_call_where_litellm_has_several_answers_or_none_yet(
        self, monkeypatch: pytest.MonkeyPatch, more: dict
    ) -> None:
        assert await self.posted_before_the_hook(monkeypatch, a_request(**more)) == 0

    @pytest.mark.asyncio
    async def test_by_no_other_model_call_in_the_same_context(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[dict] = []
        async with open_door(monkeypatch, pre_call=armed, post_call=answering({}, asked=asked)) as guardrail:
            litellm.callbacks.append(guardrail)
            await guardrail.async_pre_call_hook(KEY, None, a_request(), "completion")
            await Model(guardrail, a_call()).complete(metadata={})
        assert (asked, door.EARLY.get()._posting) == ([], None)

    @pytest.mark.asyncio
    async def test_again_where_litellm_has_taken_another_answer_since(self, monkeypatch: pytest.MonkeyPatch) -> None:
        heard, gone = asyncio.Queue(), asyncio.Event()
        first = a_call()

        async def finished(request: web.Request) -> web.Response:
            body = orjson.loads(await request.content.readline())
            await heard.put(body["response"]["id"])
            if body["response"]["id"] == first.id:
                await until_gone(gone)
            return web.json_response({"action": "replace", "response": FINISHED, "headers": {}})

        other, data = a_call(), a_request()
        other.id = "chatcmpl-2"
        async with open_door(monkeypatch, pre_call=armed, post_call=finished) as guardrail:
            litellm.callbacks.append(guardrail)
            await Model(guardrail, first)(data)
            assert await asyncio.wait_for(heard.get(), 10) == first.id
            await guardrail.async_post_call_success_hook(data, KEY, other)
            assert await heard.get() == "chatcmpl-2"
            await asyncio.wait_for(gone.wait(), 10)
            assert other.choices[0].message.content == "The word is quince."

    @pytest.mark.asyncio
    async def test_and_given_up_where_litellm_never_comes_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(door, "UNTAKEN", 0.2)
        heard, gone = asyncio.Event(), asyncio.Event()

        async def finished(_: web.Request) -> web.Response:
            heard.set()
            await until_gone(gone)
            return web.json_response({})

        async with open_door(monkeypatch, pre_call=armed, post_call=finished) as guardrail:
            litellm.callbacks.append(guardrail)
            await Model(guardrail, a_call())(a_request())
            await asyncio.wait_for(heard.wait(), 10)
            await asyncio.wait_for(gone.wait(), 10)

    @pytest.mark.asyncio
    async def test_and_lost_it_is_an_error_without_a_trace_of_the_call(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = a_request()
        async with open_door(monkeypatch, pre_call=armed, post_call=answering({}, 500)) as guardrail:
            litellm.callbacks.append(guardrail)
            response = await Model(guardrail, a_call())(data)
            with pytest.raises(HTTPException) as caught:
                await guardrail.async_post_call_success_hook(data, KEY, response)
        assert "notes__" not in str(caught.value.detail)


OF = "turn1234.2.-.0"
DONE = orjson.dumps({"action": "replace", "response": FINISHED, "headers": {}}) + b"\n"


class OpenTurn:
    """A turn that hook-service works on: what it hears on the open request, and when the client gets its answer."""

    guardrail: door.Toolturn

    def __init__(self) -> None:
        self.heard, self.answer = asyncio.Queue(), asyncio.Event()

    async def finish(self, request: web.Request) -> web.StreamResponse:
        hearing = asyncio.create_task(self.hear(request))
        await self.answer.wait()
        hearing.cancel()
        return web.Response(body=DONE)

    async def hear(self, request: web.Request) -> None:
        while line := await request.content.readline():
            await self.heard.put(orjson.loads(line))
        await self.heard.put(None)  # the door has ended the request


async def a_turn(guardrail: door.Toolturn) -> ModelResponse:
    """What a client gets whose request the model answers with a call."""
    data = a_request()
    response = await Model(guardrail, a_call())(data)
    await guardrail.async_post_call_success_hook(data, KEY, response)
    return response


@asynccontextmanager
async def open_turn(monkeypatch: pytest.MonkeyPatch, **more: Any) -> AsyncIterator[OpenTurn]:
    """A turn that was handed on; its client's request waits in the hook behind the call."""
    turn = OpenTurn()
    pre_call = answering({**ARMED, "asks": True, **more})
    async with open_door(monkeypatch, pre_call=pre_call, post_call=turn.finish) as guardrail:
        turn.guardrail = guardrail
        litellm.callbacks.append(guardrail)
        monkeypatch.setattr(door, "IDLE", 0.0)

        asking = asyncio.create_task(a_turn(guardrail))
        assert (await asyncio.wait_for(turn.heard.get(), 10))["turn"] == ARMED["turn"]
        try:
            yield turn
        finally:
            turn.answer.set()
            response = await asyncio.wait_for(asking, 10)
            assert response.choices[0].message.content == "The word is quince."


def a_continuation(**body: Any) -> dict:
    return a_request(headers={"x-toolturn-continuation": sign(), "x-toolturn-of": OF}, **body)


def continued(turn: OpenTurn, said: ModelResponse, key: UserAPIKeyAuth = KEY, **body: Any) -> asyncio.Task:
    """A continuation in a request of its own, up to what LiteLLM does behind the model's answer."""

    async def ask() -> None:
        data = a_continuation(**body)
        await turn.guardrail.async_pre_call_hook(key, None, data, "completion")
        request = {"metadata": dict(data["metadata"]), **({"stream": True} if body.get("stream") else {})}
        await turn.guardrail.async_post_call_success_deployment_hook(request, said, "acompletion")

    return asyncio.create_task(ask())


class TestAContinuationsAnswer:
    @pytest.fixture(autouse=True)
    def callbacks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(litellm, "callbacks", [Counts()])
        monkeypatch.setattr(door, "HELD", 60.0)

    @pytest.mark.asyncio
    async def test_is_told_on_the_request_that_is_open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with open_turn(monkeypatch) as turn:
            going_on = continued(turn, a_call())
            told = (await asyncio.wait_for(turn.heard.get(), 10))["toolturn"]
            assert told["of"] == OF
            assert told["response"]["choices"][0]["message"]["tool_calls"][0]["id"] == CALL["id"]
            await asyncio.wait_for(going_on, 10)  # more rounds follow: LiteLLM goes on meanwhile

    @pytest.mark.asyncio
    async def test_that_is_the_last_keeps_litellm_until_the_client_has_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with open_turn(monkeypatch) as turn:
            going_on = continued(turn, a_response(content="Quince."))
            told = (await asyncio.wait_for(turn.heard.get(), 10))["toolturn"]
            assert told["response"]["choices"][0]["message"]["content"] == "Quince."
            assert not going_on.done()
        await asyncio.wait_for(going_on, 10)

    @pytest.mark.asyncio
    async def test_keeps_litellm_for_a_time_and_no_longer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(door, "HELD", 0.05)
        async with open_turn(monkeypatch) as turn:
            await asyncio.wait_for(continued(turn, a_response(content="Quince.")), 10)

    @pytest.mark.asyncio
    async def test_keeps_no_litellm_whose_key_may_have_so_many_requests_at_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        few = KEY.model_copy(update={"max_parallel_requests": 2})
        async with open_turn(monkeypatch) as turn:
            await asyncio.wait_for(continued(turn, a_response(content="Quince."), key=few), 10)

    @pytest.mark.asyncio
    @pytest.mark.parametrize("other", [Judge, Changes, Moderates])
    async def test_is_not_told_where_somebody_else_may_refuse_it(
        self, monkeypatch: pytest.MonkeyPatch, other: type
    ) -> None:
        async with open_turn(monkeypatch) as turn:
            litellm.callbacks.append(other())
            await asyncio.wait_for(continued(turn, a_response(content="Quince.")), 10)
            assert turn.heard.empty()

    @pytest.mark.asyncio
    async def test_is_not_told_of_a_turn_of_another_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with open_turn(monkeypatch) as turn:
            turn.guardrail._open.clear()
            await asyncio.wait_for(continued(turn, a_response(content="Quince.")), 10)
            assert turn.heard.empty()

    @pytest.mark.asyncio
    async def test_is_not_told_to_an_older_hook_service(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with open_turn(monkeypatch, asks=False) as turn:
            assert await asyncio.wait_for(turn.heard.get(), 10) is None  # the request was whole at once
            await asyncio.wait_for(continued(turn, a_response(content="Quince.")), 10)
            assert turn.heard.empty()

    @pytest.mark.asyncio
    async def test_is_told_also_where_nothing_was_offered_to_another_request_since(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = iter([{**ARMED, "asks": True}, {"action": "pass"}])

        async def pre_call(_: web.Request) -> web.Response:
            return web.json_response(next(asked))

        async with open_door(monkeypatch, pre_call=pre_call) as guardrail:
            for _ in range(2):
                await guardrail.async_pre_call_hook(KEY, None, a_request(), "completion")
            assert guardrail._is_heard

    @pytest.mark.asyncio
    async def test_is_not_told_where_the_process_has_other_turns_to_work_on(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(door, "FEW", 0)
        async with open_turn(monkeypatch) as turn:
            assert await asyncio.wait_for(turn.heard.get(), 10) is None  # the request was whole at once

    @pytest.mark.asyncio
    async def test_that_never_comes_leaves_the_connection_in_use_for_the_next_turn(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connections: set[Any] = set()
        left: asyncio.Queue[None] = asyncio.Queue()
        leave = door._Open.leave
        monkeypatch.setattr(door._Open, "leave", lambda *turn: leave(*turn) or left.put_nowait(None))

        async def finish(request: web.Request) -> web.StreamResponse:
            connections.add(request.transport)
            await request.content.readline()
            response = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
            await response.prepare(request)
            await response.write(DONE)
            assert await asyncio.wait_for(request.content.read(), 10) == b""  # the door ends its side then
            return response

        pre_call = answering({**ARMED, "asks": True})
        async with open_door(monkeypatch, pre_call=pre_call, post_call=finish) as guardrail:
            litellm.callbacks.append(guardrail)
            for _ in range(3):
                response = await a_turn(guardrail)
                assert response.choices[0].message.content == "The word is quince."
                await asyncio.wait_for(left.get(), 10)
                await asyncio.gather(*door._TASKS)
        assert len(connections) == 1

    @pytest.mark.asyncio
    async def test_streamed_keeps_litellm_behind_its_last_chunk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        said = [a_chunk(content="Quince."), a_chunk()]
        said[1].choices[0].finish_reason = "stop"
        logged = asyncio.Event()

        async def model() -> AsyncIterator[Any]:
            for chunk in said:
                yield chunk
            logged.set()  # LiteLLM logs a stream when its end is asked for

        async with open_turn(monkeypatch) as turn:
            data, out = a_continuation(stream=True), asyncio.Queue()

            async def ask() -> None:
                await turn.guardrail.async_pre_call_hook(KEY, None, data, "completion")
                async for chunk in turn.guardrail.async_post_call_streaming_iterator_hook(KEY, model(), data):
                    await out.put(chunk)

            asking = asyncio.create_task(ask())
            assert [await asyncio.wait_for(out.get(), 10) for _ in said] == [as_written(each) for each in said]
            assert not logged.is_set()
        await asyncio.wait_for(asking, 10)
        assert logged.is_set()


Application = Callable[[dict, Callable[[], Awaitable[dict]], Callable[[dict], Awaitable[None]]], Awaitable[None]]
ASKED = {
    "id": 1,
    "path": "/v1/chat%20s?beta=1",
    "headers": {"host": "litellm:4000", "x-toolturn-of": OF, "x-name": "é"},
}


def asks(head: dict, body: str) -> bytes:
    return b">" + orjson.dumps(head) + b"\t" + body.encode() + b"\n"


@asynccontextmanager
async def asking(
    monkeypatch: pytest.MonkeyPatch, application: Application, converse: Handler
) -> AsyncIterator[asyncio.Task]:
    """A turn that was handed on by a process whose LiteLLM is `application`; gives what its client gets."""
    monkeypatch.setattr(door, "_app", lambda: application)
    pre_call = answering({**ARMED, "asks": True})
    async with open_door(monkeypatch, pre_call=pre_call, post_call=converse) as guardrail:
        monkeypatch.setattr(litellm, "callbacks", [guardrail])

        asked = asyncio.create_task(a_turn(guardrail))
        try:
            yield asked
        finally:
            asked.cancel()
            await asyncio.gather(asked, *door._TASKS, return_exceptions=True)


async def lines(request: web.Request) -> AsyncIterator[dict]:
    """What the door says behind its first line."""
    assert orjson.loads(await request.content.readline())["runs"] is True
    while line := await request.content.readline():
        yield orjson.loads(line)["toolturn"]


async def begun(request: web.Request, *written: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
    await response.prepare(request)
    for each in written:
        await response.write(each)
    return response


@contextmanager
def looked_through(*chosen: int) -> Iterator[list[int]]:
    """The generations in which Python looks for garbage, with thresholds for when it does so by itself."""
    found: list[int] = []

    def note(phase: str, info: dict) -> None:
        if phase == "stop":
            found.append(info["generation"])

    threshold, others = gc.get_threshold(), [*gc.callbacks]
    gc.callbacks.clear()  # of the tests before
    gc.unfreeze()
    gc.collect()
    gc.set_threshold(*chosen)
    gc.callbacks.append(note)
    try:
        yield found
    finally:
        gc.callbacks[:] = others
        gc.unfreeze()
        gc.set_threshold(*threshold)


async def serve(guardrail: door.Toolturn, requests: int) -> None:
    for _ in range(requests):
        await guardrail.async_pre_call_hook(KEY, None, a_continuation(), "completion")


NEVER = (10_000_000, 10, 10)


class TestPythonsGarbage:
    @pytest.mark.asyncio
    async def test_is_looked_for_in_what_litellm_has_loaded_no_more_once_it_has_served_for_a_while(self) -> None:
        guardrail = closed_door()
        with looked_through(*NEVER) as generations:
            await serve(guardrail, door.WARM - 1)
            gc.collect()
            await serve(guardrail, 1)
            assert gc.get_freeze_count() == 0
            gc.collect()
            assert gc.get_freeze_count() > 100_000
            gc.unfreeze()
            gc.collect()
            assert generations == [2, 2, 2]
            assert gc.get_freeze_count() == 0  # once is enough

    @pytest.mark.asyncio
    @pytest.mark.parametrize(("chosen", "then"), [(door.PYTHONS, (door.BUSY, 10, 10)), ((900, 9, 9), (900, 9, 9))])
    async def test_is_left_for_longer_by_then_unless_somebody_has_chosen_how_long(
        self, chosen: tuple[int, int, int], then: tuple[int, int, int]
    ) -> None:
        guardrail = closed_door()
        with looked_through(*chosen):
            await serve(guardrail, door.WARM - 1)
            assert gc.get_threshold() == chosen
            await serve(guardrail, 1)
            assert gc.get_threshold() == then

    @pytest.mark.asyncio
    async def test_is_looked_for_a_while_behind_an_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with fast_path(monkeypatch) as path:
            await path.until_lent()
            data, _ = await path.ask()
            with looked_through(*NEVER) as generations:
                was_looked = asyncio.Event()
                gc.callbacks.append(lambda phase, info: was_looked.set())
                new = [[] for _ in range(2 * door.YOUNG)]
                await path.guardrail.async_post_call_success_hook(data, KEY, a_response(content="Hello"))
                assert generations == []
                await asyncio.wait_for(was_looked.wait(), 10)
                assert generations == [0]
                assert new

    @pytest.mark.asyncio
    async def test_is_not_looked_for_where_litellm_is_busy_or_there_is_little_of_it(self) -> None:
        guardrail = closed_door()
        with looked_through(*NEVER) as generations:
            guardrail._rest(0)
            assert generations == []
            new = [[] for _ in range(2 * door.YOUNG)]
            await serve(guardrail, 1)
            guardrail._rest(0)
            guardrail._open["turn"] = door._Open()
            guardrail._rest(1)
            assert generations == []
            guardrail._open.clear()
            guardrail._rest(1)
            assert generations == [0]
            assert new

    @pytest.mark.asyncio
    async def test_is_looked_for_everywhere_once_when_nobody_waits_and_then_rarely(self) -> None:
        guardrail = closed_door()
        with looked_through(*NEVER) as generations:
            await serve(guardrail, door.WARM)
            guardrail._rest(door.WARM)
            assert generations == [2]
            new: list[list] = []
            for _ in range(200):
                new.extend([] for _ in range(2 * door.YOUNG))
                guardrail._rest(door.WARM)
        assert len(generations) == 201
        assert generations.index(2, 1) > 100
        assert generations.count(2) == 2
        assert generations.count(1) > 10


class TestATurnsNextRound:
    """hook-service asks LiteLLM on the answer to the request with which the turn was handed on."""

    @pytest.mark.asyncio
    async def test_is_asked_of_litellms_own_application_as_a_server_would(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[Any] = []
        answers: list[dict] = []

        async def application(scope: dict, receive: Any, send: Any) -> None:
            seen.append((scope, await receive(), door.EARLY.get()))
            headers = [(b"content-type", b"application/json"), (b"retry-after", b"3")]
            await send({"type": "http.response.start", "status": 429, "headers": headers})
            await send({"type": "http.response.body", "body": '{"é": 1}'.encode()})
            assert (await receive())["type"] == "http.disconnect"

        async def converse(request: web.Request) -> web.StreamResponse:
            said = lines(request)
            response = await begun(request, asks(ASKED, '{"model": "ü"}'))
            answers.append(await anext(said))
            await response.write(DONE)
            return response

        async with asking(monkeypatch, application, converse) as asked:
            response = await asyncio.wait_for(asked, 10)
        assert response.choices[0].message.content == "The word is quince."
        piece = {"piece": '{"é": 1}', "end": True}
        assert answers == [{"id": 1, "status": 429, "headers": {"retry-after": "3"}, **piece}]
        ((scope, message, early),) = seen
        assert message == {"type": "http.request", "body": '{"model": "ü"}'.encode(), "more_body": False}
        assert early is None  # in no context of the turn's own request
        assert (scope["type"], scope["method"], scope["path"]) == ("http", "POST", "/v1/chat s")
        assert (scope["raw_path"], scope["query_string"]) == (b"/v1/chat%20s", b"beta=1")
        assert scope["client"][0] == "127.0.0.1"
        expected = {b"host": b"litellm:4000", b"x-name": "é".encode("latin-1"), b"content-length": b"15"}
        assert expected.items() <= dict(scope["headers"]).items()

    @pytest.mark.asyncio
    async def test_comes_in_pieces_as_the_model_writes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        went_on = asyncio.Event()
        text = "data: é\n\n".encode()

        async def application(scope: dict, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": text[:7], "more_body": True})
            await asyncio.wait_for(went_on.wait(), 10)
            await send({"type": "http.response.body", "body": text[7:], "more_body": True})
            await send({"type": "http.response.body", "body": b""})

        pieces: list[dict] = []

        async def converse(request: web.Request) -> web.StreamResponse:
            response = await begun(request, asks(ASKED, "{}"))
            async for part in lines(request):
                pieces.append(part)
                went_on.set()
                if part["end"]:
                    break
            await response.write(DONE)
            return response

        async with asking(monkeypatch, application, converse) as asked:
            await asyncio.wait_for(asked, 10)
        assert "".join(part["piece"] for part in pieces[1:]) == "é\n\n"  # those together that come together
        assert pieces[0] == {"id": 1, "status": 200, "headers": {}, "piece": "data: ", "end": False}

    @pytest.mark.asyncio
    @pytest.mark.parametrize("by", ["hook-service", "the client", "a lost hook-service"])
    async def test_that_is_given_up_is_a_client_that_has_gone_for_litellm(
        self, monkeypatch: pytest.MonkeyPatch, by: str
    ) -> None:
        waits, gone = asyncio.Event(), asyncio.Event()

        async def application(scope: dict, receive: Any, send: Any) -> None:
            await receive()
            waits.set()
            assert (await receive())["type"] == "http.disconnect"
            gone.set()

        async def converse(request: web.Request) -> web.StreamResponse:
            response = await begun(request, asks(ASKED, "{}"))
            await asyncio.wait_for(waits.wait(), 10)
            if by == "hook-service":
                await response.write(b'>{"drop": 1}\n')
            elif by == "a lost hook-service":
                request.transport.abort()
            await asyncio.wait_for(gone.wait(), 10)
            return response

        async with asking(monkeypatch, application, converse) as asked:
            await asyncio.wait_for(waits.wait(), 10)
            if by == "the client":
                asked.cancel()
            await asyncio.wait_for(gone.wait(), 10)

    @pytest.mark.asyncio
    async def test_that_litellm_fails_at_is_said_to_be_broken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def application(scope: dict, receive: Any, send: Any) -> None:
            raise ValueError("a defect")

        parts: list[dict] = []

        async def converse(request: web.Request) -> web.StreamResponse:
            response = await begun(request, asks(ASKED, "{}"))
            parts.append(await anext(lines(request)))
            await response.write(DONE)
            return response

        async with asking(monkeypatch, application, converse) as asked:
            await asyncio.wait_for(asked, 10)
        assert parts == [{"id": 1, "broken": True}]

    @pytest.mark.asyncio
    async def test_waits_where_hook_service_does_not_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sent, waits, read_on = [], asyncio.Event(), asyncio.Event()
        pieces = 4 * door.WAITING

        async def application(scope: dict, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for number in range(pieces):
                going_on = asyncio.get_running_loop().call_later(1, waits.set)
                await send({"type": "http.response.body", "body": b"x" * 2**17, "more_body": True})
                going_on.cancel()
                sent.append(number)
            await send({"type": "http.response.body", "body": b""})

        async def converse(request: web.Request) -> web.StreamResponse:
            response = await begun(request, asks(ASKED, "{}"))
            await asyncio.wait_for(read_on.wait(), 10)
            said = lines_of(request)
            assert sum([len(part["piece"]) async for part in said]) == pieces * 2**17
            await response.write(DONE)
            return response

        async def lines_of(request: web.Request) -> AsyncIterator[dict]:
            rest = b""
            async for piece in request.content.iter_any():
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    if told := orjson.loads(line).get("toolturn"):
                        yield told
                        if told["end"]:
                            return

        async with asking(monkeypatch, application, converse) as asked:
            await asyncio.wait_for(waits.wait(), 10)
            assert len(sent) < pieces
            read_on.set()
            await asyncio.wait_for(asked, 30)
        assert len(sent) == pieces

    @pytest.mark.asyncio
    async def test_that_fails_behind_it_refuses_the_turn_with_its_own_words(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def application(scope: dict, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

        async def converse(request: web.Request) -> web.StreamResponse:
            response = await begun(request, asks(ASKED, "{}"))
            await anext(lines(request))
            await response.write(orjson.dumps({"status": 502, "error": {"message": "The model failed."}}) + b"\n")
            return response

        async with asking(monkeypatch, application, converse) as asked:
            with pytest.raises(HTTPException) as caught:
                await asyncio.wait_for(asked, 10)
        assert (caught.value.status_code, caught.value.detail) == (502, {"error": "The model failed."})


class OpenRequests:
    """A hook-service that leaves requests open behind a turn: the first lines of the turns on each of them."""

    def __init__(self, last: bytes = DONE) -> None:
        self.turns: list[list[bytes]] = []
        self.last, self.went = last, asyncio.Event()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        turns: list[bytes] = []
        self.turns.append(turns)
        response = await begun(request)
        try:
            while line := await request.content.readline():
                if not turns or line.startswith(b">"):
                    turns.append(line)
                    await response.write(self.last)
        finally:
            self.went.set()
        return response


@asynccontextmanager
async def stays_open(
    monkeypatch: pytest.MonkeyPatch, requests: Handler, **hooks: Handler
) -> AsyncIterator[door.Toolturn]:
    pre_call = answering({**ARMED, "asks": True, "stays": True})
    monkeypatch.setattr(door, "_app", lambda: lambda *_: None)
    async with open_door(monkeypatch, pre_call=pre_call, post_call=requests, stream=requests, **hooks) as guardrail:
        monkeypatch.setattr(litellm, "callbacks", [guardrail])
        yield guardrail


class TestARequestThatStaysOpen:
    """The one with which a turn was handed on: another turn may begin on it."""

    @pytest.mark.asyncio
    async def test_has_one_turn_after_the_other_each_marked_where_it_begins(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        requests = OpenRequests()
        async with stays_open(monkeypatch, requests) as guardrail:
            for _ in range(3):
                response = await a_turn(guardrail)
                assert response.choices[0].message.content == "The word is quince."
        ((first, *rest),) = requests.turns
        assert [line[:1] for line in rest] == [b">", b">"]
        assert {orjson.loads(line.lstrip(b">"))["turn"]["turn"] for line in (first, *rest)} == {"turn1234"}

    @pytest.mark.asyncio
    async def test_has_one_turn_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        requests = OpenRequests()
        async with stays_open(monkeypatch, requests) as guardrail:
            await asyncio.gather(*(a_turn(guardrail) for _ in range(3)))
            await asyncio.gather(*(a_turn(guardrail) for _ in range(3)))
        assert sorted(map(len, requests.turns)) == [2, 2, 2]

    @pytest.mark.asyncio
    async def test_is_closed_when_fewer_turns_come_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        requests = OpenRequests()
        async with stays_open(monkeypatch, requests) as guardrail:
            await asyncio.gather(*(a_turn(guardrail) for _ in range(3)))
            (free,) = guardrail._lines.values()
            for line in free[:2]:
                line._free_since = float("-inf")
            for left in (2, 1, 1):
                await a_turn(guardrail)
                assert len(free) == left
            await asyncio.wait_for(requests.went.wait(), 10)

    @pytest.mark.asyncio
    async def test_has_streams_likewise(self, monkeypatch: pytest.MonkeyPatch) -> None:
        requests = OpenRequests(b'{"choices": []}\n[DONE]\n')
        async with stays_open(monkeypatch, requests) as guardrail:
            for _ in range(3):
                data = a_request(stream=True)
                await guardrail.async_pre_call_hook(KEY, None, data, "acompletion")
                out = await read(guardrail, data, a_chunk(tool_calls=[CALL]))
                assert out == ['{"choices": []}']
        assert list(map(len, requests.turns)) == [3]

    @pytest.mark.asyncio
    async def test_tells_nothing_of_a_turn_that_is_over(self, monkeypatch: pytest.MonkeyPatch) -> None:
        requests, handed = OpenRequests(), []
        hand = door._Line.hand

        async def remember(line: door._Line, opened: door._Open, seconds: float) -> None:
            handed.append(opened)
            await hand(line, opened, seconds)

        monkeypatch.setattr(door._Line, "hand", remember)
        async with stays_open(monkeypatch, requests) as guardrail:
            await a_turn(guardrail)
            # As a continuation would whose answer was told before LiteLLM had written it.
            for _ in range(2 * door.WAITING):
                await asyncio.wait_for(handed[0].tell({"toolturn": {"id": 1, "end": True}}), 10)
            await a_turn(guardrail)
        ((_, second),) = requests.turns
        assert second.startswith(b">{")

    @pytest.mark.asyncio
    @pytest.mark.parametrize("what", ["says that it leaves", "ends it", "breaks it off"])
    async def test_has_no_further_turn_where_hook_service(self, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
        requests: list[web.Request] = []
        left = asyncio.Event()

        async def leaves(request: web.Request) -> web.StreamResponse:
            requests.append(request)
            await request.content.readline()
            response = await begun(request, DONE)
            await left.wait()
            if len(requests) > 1:
                return response
            if what == "says that it leaves":
                await response.write(b'>{"leave":true}\n')
                await request.content.read()
            elif what == "breaks it off":
                request.transport.abort()
            return response

        async with stays_open(monkeypatch, leaves) as guardrail:
            await a_turn(guardrail)
            ((line,),) = guardrail._lines.values()
            left.set()
            for _ in range(500):
                if line._reply.content._buffer or line._reply.content.is_eof() or line._reply.content.exception():
                    break
                await asyncio.sleep(0.01)
            await a_turn(guardrail)
        assert len(requests) == 2

    @pytest.mark.asyncio
    @pytest.mark.parametrize("bound", ["KEPT", "OLD"])
    async def test_has_no_further_turn_when_it_is_old(self, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
        monkeypatch.setattr(door, bound, 0.0)
        requests = OpenRequests()
        async with stays_open(monkeypatch, requests) as guardrail:
            await a_turn(guardrail)
            await a_turn(guardrail)
        assert list(map(len, requests.turns)) == [1, 1]

    @pytest.mark.asyncio
    async def test_has_no_further_turn_behind_one_that_was_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        requests = OpenRequests(orjson.dumps({"status": 401, "error": {"message": "No."}}) + b"\n")
        async with stays_open(monkeypatch, requests) as guardrail:
            for _ in range(2):
                with pytest.raises(HTTPException) as caught:
                    await a_turn(guardrail)
                assert caught.value.status_code == 401
        assert list(map(len, requests.turns)) == [1, 1]

    @pytest.mark.asyncio
    async def test_is_given_up_with_a_turn_that_takes_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        requests = OpenRequests()
        async with stays_open(monkeypatch, requests) as guardrail:
            await a_turn(guardrail)
            requests.last, requests.went = b'>{"drop": 7}\n', asyncio.Event()
            data = an_armed_request()
            data["metadata"][door.MARK]["deadline"] = 0.2
            with pytest.raises(HTTPException) as caught:
                await guardrail.async_post_call_success_hook(data, KEY, a_call())
            assert caught.value.status_code == 503
            await asyncio.wait_for(requests.went.wait(), 10)  # hook-service sees that nobody waits any more
        assert list(map(len, requests.turns)) == [2]


async def read(guardrail: door.Toolturn, data: dict, *model: Any) -> list[Any]:
    return [chunk async for chunk in guardrail.async_post_call_streaming_iterator_hook(KEY, chunks(*model), data)]


def as_written(chunk: ModelResponseStream) -> str:
    return chunk.model_dump_json(exclude_none=True, exclude_unset=True)


class TestAStream:
    @pytest.mark.asyncio
    async def test_of_text_passes_as_litellm_would_write_it(self) -> None:
        model = [a_chunk(content="Hel"), a_chunk(content="lo.")]
        out = await read(closed_door(), an_armed_request(), *model)
        assert out == [as_written(each) for each in model]

    @pytest.mark.asyncio
    @pytest.mark.parametrize("hook", door.CHUNK_HOOKS)
    async def test_of_text_passes_as_the_very_same_chunks_where_somebody_else_looks_at_them(
        self, monkeypatch: pytest.MonkeyPatch, hook: str
    ) -> None:
        watcher = type("Watcher", (CustomLogger,), {hook: lambda self, **_: None})
        monkeypatch.setattr(door.litellm, "callbacks", [closed_door(), "no_such_logger", watcher()])
        model = [a_chunk(content="Hel"), a_chunk(content="lo.")]
        assert all(a is b for a, b in zip(await read(closed_door(), an_armed_request(), *model), model, strict=True))

    @pytest.mark.asyncio
    async def test_of_text_passes_as_chunks_where_who_looks_at_them_is_known_to_litellm_by_a_name(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        watcher = type("Watcher", (CustomLogger,), {door.CHUNK_HOOKS[0]: lambda self, **_: None})
        monkeypatch.setattr(door, "get_custom_logger_compatible_class", {"watcher": watcher()}.get)
        monkeypatch.setattr(door.litellm, "callbacks", [closed_door(), "watcher"])
        chunk = a_chunk(content="Hel")
        assert await read(closed_door(), an_armed_request(), chunk) == [chunk]

    @pytest.mark.asyncio
    async def test_of_text_is_written_beside_loggers_that_look_at_no_chunk(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(door.litellm, "callbacks", [print, CustomLogger(), closed_door()])
        chunk = a_chunk(content="Hel")
        assert await read(closed_door(), an_armed_request(), chunk) == [as_written(chunk)]

    @pytest.mark.asyncio
    async def test_without_our_mark_passes_with_its_calls(self) -> None:
        call = a_call_chunk()
        assert await read(closed_door(), a_request(), call) == [call]

    @pytest.mark.asyncio
    async def test_goes_through_hook_service_from_the_first_call_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        received: list[dict] = []

        async def stream(request: web.Request) -> web.StreamResponse:
            received.extend(orjson.loads(line) for line in (await request.read()).splitlines())
            return web.Response(body=b'{"a":1}\n{"b":2}\n[DONE]\n')

        text, call, more = a_chunk(content="Let me see."), a_call_chunk(), a_chunk()
        async with open_door(monkeypatch, stream=stream) as guardrail:
            out = await read(guardrail, an_armed_request(), text, call, more)
        assert out == [as_written(text), '{"a":1}\n\ndata: {"b":2}']  # LiteLLM writes what came together in one go
        head, first, *rest = received
        assert head["turn"] == ARMED["turn"]
        assert head["seen"][0]["choices"][0]["delta"]["content"] == "Let me see."
        assert first["choices"][0]["delta"]["tool_calls"][0]["id"] == "call_1"
        assert len(rest) == 1

    @pytest.mark.asyncio
    async def test_keeps_the_name_of_the_model_that_newer_litellm_writes_on_its_chunks(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        received: list[dict] = []

        async def stream(request: web.Request) -> web.StreamResponse:
            received.extend(orjson.loads(line) for line in (await request.read()).splitlines())
            return web.Response(body=b"[DONE]\n")

        data = {**an_armed_request(), "_litellm_client_requested_model": "public-name"}
        async with open_door(monkeypatch, stream=stream) as guardrail:
            await read(guardrail, data, a_chunk(content="Let me see."), a_call_chunk())
        head, first = received
        assert [head["seen"][0]["model"], first["model"]] == ["public-name", "public-name"]

    @pytest.mark.asyncio
    async def test_ends_with_one_error_chunk_where_nothing_listens(self) -> None:
        guardrail = closed_door()
        # More than may wait to be told.
        rest = [a_chunk() for _ in range(3 * door.WAITING)]
        out = await asyncio.wait_for(read(guardrail, an_armed_request(), a_call_chunk(), *rest), 10)
        await close(guardrail)
        assert [orjson.loads(chunk) for chunk in out] == [
            {"error": {"message": door.LOST, "type": "toolturn_error", "param": None, "code": "503"}}
        ]

    @pytest.mark.asyncio
    async def test_that_is_cut_off_ends_with_one_error_chunk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def stream(request: web.Request) -> web.StreamResponse:
            await request.read()
            return web.Response(body=b'{"a":1}\n')

        async with open_door(monkeypatch, stream=stream) as guardrail:
            out = await read(guardrail, an_armed_request(), a_call_chunk())
        assert out[0] == '{"a":1}'
        assert [orjson.loads(chunk)["error"]["code"] for chunk in out[1:]] == ["503"]

    @pytest.mark.asyncio
    async def test_that_is_refused_says_so_in_one_error_chunk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def stream(request: web.Request) -> web.StreamResponse:
            await request.read()
            return web.json_response({"error": {"message": "Too large."}}, status=413)

        async with open_door(monkeypatch, stream=stream) as guardrail:
            out = await read(guardrail, an_armed_request(), a_call_chunk())
        assert [orjson.loads(chunk)["error"] for chunk in out] == [
            {"message": "Too large.", "type": "toolturn_error", "param": None, "code": "413"}
        ]

    @pytest.mark.asyncio
    async def test_of_a_model_that_fails_tells_hook_service_so_without_what_it_wrote(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        received: list[dict] = []

        async def stream(request: web.Request) -> web.StreamResponse:
            received.extend(orjson.loads(line) for line in (await request.read()).splitlines())
            return web.Response(body=b"[DONE]\n")

        async def failing() -> AsyncIterator[Any]:
            yield a_call_chunk()
            raise RuntimeError("the model broke off,\nReceived chunk: notes__look_up")

        async with open_door(monkeypatch, stream=stream) as guardrail:
            hook = guardrail.async_post_call_streaming_iterator_hook(KEY, failing(), an_armed_request())
            assert [chunk async for chunk in hook] == []
        assert received[-1] == {"error": {"message": "the model broke off,", "code": "502"}}

    @pytest.mark.asyncio
    async def test_of_the_model_is_read_to_its_end_whatever_happens(self) -> None:
        left = [a_call_chunk(), a_chunk(), a_chunk()]

        async def model() -> AsyncIterator[Any]:
            while left:
                yield left.pop(0)

        guardrail = closed_door()
        hook = guardrail.async_post_call_streaming_iterator_hook(KEY, model(), an_armed_request())
        assert len([chunk async for chunk in hook]) == 1
        await close(guardrail)
        # LiteLLM logs tokens and cost when its own stream has ended.
        assert left == []


class TestChunks:
    def test_are_sent_with_what_is_set_and_nothing_else(self) -> None:
        sent = door._dump(a_chunk(content="Hi", role="assistant"))
        assert sent["choices"][0]["delta"] == {"content": "Hi", "role": "assistant"}

    def test_keep_thinking_and_its_signature(self) -> None:
        block = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
        sent = door._dump(a_chunk(thinking_blocks=[block], reasoning_content="Hm."))
        assert sent["choices"][0]["delta"]["thinking_blocks"] == [block]

    @pytest.mark.parametrize("name", ["chat", "responses", "messages", "generateContent"])
    def test_of_an_error_are_in_the_form_of_their_dialect(self, name: str) -> None:
        dialect = door.DIALECTS[name]
        framed = dialect.frame(dialect.error("It failed.", 503))
        data = framed.split("data: ", 1)[1] if dialect.raw else framed
        error = orjson.loads(data)
        assert "It failed." in str(error)
        assert framed.endswith("\n") == dialect.raw
        if name == "messages":
            assert framed.startswith("event: error\n")


class TestRawStreams:
    """What LiteLLM hands on as bytes, on /v1/messages and generateContent, is cut where the network cut it."""

    EVENTS = (
        'event: message_start\ndata: {"type":"message_start","message":{"id":"m"}}',
        'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"Ünï é😀"}}',
        ": a comment",
        'data: {"candidates":[{"content":{"parts":[{"text":"\\n\\n"}]}}]}',
        "data: [DONE]",
    )

    @pytest.mark.asyncio
    @pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n"])
    @pytest.mark.parametrize("last", ["", "whole"])
    async def test_are_the_same_events_wherever_their_bytes_are_cut(self, end: str, last: str) -> None:
        lines = [event.replace("\n", end[: len(end) // 2]) for event in self.EVENTS]
        whole = [f"{event}{end}".encode() for event in lines]
        if not last:
            whole[-1] = whole[-1].removesuffix(end.encode())  # a stream may end without its blank line
        text = b"".join(whole)
        cuts = [[text[:at], text[at:]] for at in range(len(text) + 1)]
        cuts += [[text[at : at + size] for at in range(0, len(text), size)] for size in range(1, 40)]
        for pieces in cuts:
            assert [frame async for frame in door._frames(chunks(*pieces))] == whole
        expected = [event for frame in whole for event in door._dump_frame(frame)]
        assert len(expected) == 3


class TestReports:
    """Model calls on their way to hook-service."""

    @pytest.mark.asyncio
    async def test_of_model_calls_that_nobody_takes_are_dropped_and_counted_for_the_next_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def call(number: int) -> dict:
            return {
                "standard_logging_object": {"id": f"call-{number}", "metadata": {}},
                "litellm_params": {"metadata": {door.OF: ""}},
            }

        alone = closed_door()
        reports = alone._reports
        reports.add(call(1))
        await reports._task
        await close(alone)
        assert reports._dropped == 1
        asked: list[dict] = []
        async with open_door(monkeypatch, log=answering({}, asked=asked)) as guardrail:
            guardrail._reports._dropped = reports._dropped
            guardrail._reports.add(call(2))
            await guardrail._reports._task
            assert guardrail._reports._dropped == 0
        assert [(each["dropped"], [one["id"] for one in each["calls"]]) for each in asked] == [(1, ["call-2"])]
