"""The door: hands LiteLLM's requests and responses to hook-service and applies what comes back.

It decides nothing. Before the model is called it fails open (no tools are offered, a header says so); once
tools were offered it fails closed (the dialect's own error form, never a tool call that is not the client's).
Settings come from the environment: TOOLTURN_URL, TOOLTURN_SECRET, TOOLTURN_SECRET_PREVIOUS. With
TOOLTURN_AWAY=refuse it fails closed before the call as well.
What LiteLLM's hooks do and do not do is written down, with the measurements, in docs/litellm-hooks.md.
"""

from __future__ import annotations

import asyncio
import codecs
import gc
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import Context, ContextVar
from copy import copy
from datetime import datetime
from functools import cache, lru_cache, partial
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import unquote

import aiohttp
import orjson
from fastapi import HTTPException
from litellm._logging import verbose_proxy_logger
from litellm.integrations.custom_guardrail import CustomGuardrail
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.litellm_logging import get_custom_logger_compatible_class
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER
from litellm.types.llms.openai import GenericEvent

import litellm

try:  # newer LiteLLM encrypts response ids for their owner, in a hook that runs behind this one
    from litellm.proxy.hooks.responses_id_security import ResponsesIDSecurity
except ImportError:
    ResponsesIDSecurity = None

URL = os.environ.get("TOOLTURN_URL", "http://127.0.0.1:48900").rstrip("/")
SECRETS = [s for s in (os.environ.get("TOOLTURN_SECRET"), os.environ.get("TOOLTURN_SECRET_PREVIOUS")) if s]
CLOSED = os.environ.get("TOOLTURN_AWAY") == "refuse"
GRANTS = ("mcp_servers", "mcp_access_groups", "mcp_tool_permissions", "mcp_toolsets")
CONVERSATION = ("tools", "functions", "messages", "system", "input", "instructions", "contents")
LOADED: dict[str, tuple[float, dict]] = {}  # grants read from LiteLLM's database, by their record, until a time
OF = "_toolturn_of"  # beside it: to what a model call belongs, for hook-service alone to read
MARK = "_toolturn"  # our entry in LiteLLM's metadata of a request: carries the turn from hook to hook
CONTINUATION = "x-toolturn-continuation"
BELONGS = "x-toolturn-of"
LOST = "Toolturn was lost while a tool was in use. Nothing is wrong with the request: send it again."
AWAY = "Toolturn is away, and requests are refused without it. Nothing is wrong with the request: send it again."
# A loop that is busy for as long takes a connection that has long been made for one that failed, and gives up a socket
# in the middle of its start.
CONNECT = 4.0
LINES = {"content-type": "application/x-ndjson"}
SAID = ("retry-after", "retry-after-ms", "x-should-retry")  # headers of LiteLLM's answer that hook-service reads
PRE_CALL = aiohttp.ClientTimeout(total=10, sock_connect=CONNECT)
REPORT = aiohttp.ClientTimeout(total=5, sock_connect=CONNECT)
FOLLOW = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=3)
SENT = 3  # rounds of the event loop after which a request is on its way; LiteLLM logs while hook-service works
FEW = 2  # turns open in this process, up to which it has time in which to do something for one of them
SENDING = 0.0005  # seconds in which a request has been sent
WRITTEN = 0.002  # seconds in which LiteLLM writes an answer that it has
IDLE = 0.05  # seconds behind an answer, until which LiteLLM is taken to have something better to do
TOLD = 1.0  # seconds for which reports of requests and model calls wait for each other
KEPT = 30.0  # seconds for which a request to hook-service is used again, less than proxies leave one without a byte
OLD = 600.0  # seconds after which no turn begins on one
HELD = 1.0  # seconds for which LiteLLM may be kept from what it does behind a model's last answer
TOGETHER = 0.004  # seconds for which pieces of an answer wait for each other: each costs as much as several
UNTAKEN = 10.0  # seconds that LiteLLM may need from a model's answer to the hook behind the call
CLEAR = 600.0  # seconds for which a conversation counts as one with nothing hidden in it
CONVERSATIONS = 5000  # of which that is known
SILENCE = 3.0  # seconds without a word of hook-service after which no ticket counts
LEFT = 60.0  # seconds that a model's stream may need to its end once nobody waits for it
WARM = 50  # requests after which LiteLLM has loaded what it loads when it is first needed
YOUNG = 350  # new objects for which garbage is collected where LiteLLM has time
BUSY = 5000  # and for which Python collects it in the middle of requests
LARGE = 2**18  # characters of an answer that are sent together at most
WAITING = 100  # lines for hook-service that wait to be sent, until whoever writes more has to wait


class Toolturn(CustomGuardrail):
    """LiteLLM loads this class by name from the folder of config.yaml."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}
        self._reports = _Reports(self._post)
        self._tickets = _Tickets(self._follow)
        self._conversations = _Conversations()
        self._garbage = _Garbage()
        self._turns = _turns()
        self._due = 0.0  # when an answer is written, and there is time for what can wait until then
        self._open: dict[str, _Open] = {}  # turns that hook-service works on for requests of this process
        self._ended: list[_Open] = []
        self._is_heard = False  # whether hook-service reads more than one line of such a request
        self._stays = False  # and whether another turn may begin on it
        self._lines: dict[tuple[asyncio.AbstractEventLoop, str], list[_Line]] = {}  # those without a turn

    async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: dict, call_type: str) -> dict:
        """Asks hook-service what to add to the request; leaves it alone when there is no answer."""
        for name in ("metadata", "litellm_metadata"):
            if isinstance(data.get(name), dict):
                data[name].pop(MARK, None)  # a client could have written it
                data[name].pop(OF, None)
        dialect = _dialect(data)
        if dialect is None:
            return data
        self._garbage.count_request()
        headers = _headers(data)
        if _is_continuation(headers, user_api_key_dict):
            _manage_previous(data, user_api_key_dict)
            if BELONGS in headers:
                _metadata(data)[OF] = headers[BELONGS]
                opened = self._open.get(headers[CONTINUATION].partition(".")[0])
                # As for the turn itself.
                if opened and dialect == "chat" and not (_has_several(data) or _is_judged()):
                    EARLY.set(_Continued(opened, data, user_api_key_dict))
            return data
        metadata = _metadata(data)
        try:
            await _load_grants(user_api_key_dict)
            written = {"set": _rewritten(data)}
            asked = _request(data, user_api_key_dict, written, headers)
            plain = _plain_request(dialect, asked, data)
            if plain and self._conversations.hide_nothing(plain.past) and (ticket := self._tickets.find(plain)):
                return self._begun(data, user_api_key_dict, dialect, asked, ticket, plain)
            asked["ticket"] = bool(plain)
            asyncio.get_running_loop().call_later(SENDING, self._collect_garbage)  # while hook-service works
            answer = await self._post("/hooks/pre-call", asked, PRE_CALL)
        except Exception as error:  # whatever it is, the request goes on without tools, unless that is not wanted
            if CLOSED:
                verbose_proxy_logger.error("toolturn: a request is refused, hook-service is away: %s", _name(error))
                raise HTTPException(503, detail={"error": AWAY}) from None
            verbose_proxy_logger.warning("toolturn: no tools are offered, hook-service is away: %s", _name(error))
            metadata.setdefault("applied_guardrails", []).append("toolturn-unavailable")
            metadata[MARK], metadata[OF] = {"state": "unavailable"}, ""
            self._reports.missed += 1
            return data
        if answer["action"] == "wait":  # a person has approved calls, which run before the model is asked
            try:
                answer = await self._post("/hooks/pre-call", {**asked, "waits": True}, _timeout(answer))
            except Exception as error:
                verbose_proxy_logger.error("toolturn: hook-service was lost during approved calls: %s", _name(error))
                raise HTTPException(503, detail={"error": LOST}) from None
        if answer["action"] == "reject":
            after = answer.get("retryAfter")
            headers = {"retry-after": str(after)} if after is not None else {}
            raise HTTPException(answer["status"], detail={"error": answer["message"]}, headers=headers)
        if "of" in answer:
            metadata[OF] = answer["of"]
        point = None
        if plain and "ticket" in answer:
            point = plain.point
            self._tickets.keep(plain, answer)
            self._conversations.add(plain.past)
        changes = answer.get("set", {})
        ours = sorted(_tool_names(changes.get("tools")) - _tool_names(data.get("tools")))
        data.update(changes)
        if "previous_response_id" in changes:
            _manage_previous(data, user_api_key_dict)
        for name in answer.get("remove", ()):
            data.pop(name, None)
        if answer["action"] == "arm":
            self._is_heard, self._stays = answer.get("asks") is True, answer.get("stays") is True
            mark = {"state": "armed", "dialect": dialect, "turn": answer["turn"], "deadline": answer["deadline"]}
            fields = list({*written["set"], *changes})
            metadata[MARK] = {**mark, "ours": ours, "set": fields, "remove": answer.get("remove", []), "point": point}
            self._expect(data, user_api_key_dict, metadata[MARK])
        return data

    def _begun(self, data: dict, key: Any, dialect: str, request: dict, ticket: _Ticket, plain: _PlainRequest) -> dict:
        """Does to a plain request what hook-service said of an equal one, which hears of it when a tool is called."""
        metadata, turn = _metadata(data), next(self._turns)
        metadata[OF] = ticket.of.replace("*", turn)
        self._reports.add_request(turn, request, ticket)
        if ticket.deadline is None:
            return data
        changes = self._tickets.changes(ticket)
        data.update(changes)
        self._tickets.remember(turn, request["body"])
        metadata[MARK] = mark = {
            "state": "armed",
            "dialect": dialect,
            "turn": {"turn": turn, "config": ticket.config},
            "began": time.monotonic(),
            "deadline": ticket.deadline,
            "ours": ticket.ours,
            "set": list(changes),
            "remove": [],
            "point": plain.point,
        }
        self._expect(data, key, mark)
        return data

    def _expect(self, data: dict, key: Any, mark: dict) -> None:
        """For chat alone: in other dialects LiteLLM makes another response of the model's."""
        wanted = mark["dialect"] == "chat" and not data.get("stream") and not _has_several(data)
        EARLY.set(_Early(self._finish, data, key, mark) if wanted else None)

    def _came(self, mark: dict) -> dict:
        """What hook-service is told of the turn: what it said itself, or when the turn began here, and with what."""
        self._conversations.forget(mark.get("point"))
        if "began" not in mark:
            return mark["turn"]
        turn = mark["turn"]["turn"]
        age = (time.monotonic() - mark["began"]) * 1000
        asked, told = self._tickets.recall(turn), self._reports.take_request(turn)
        return {**mark["turn"], "age": age, "asked": asked and orjson.Fragment(asked), "request": told}

    def _answered(self, mark: dict, text: str | None) -> None:
        """The model's answer is the client's: nothing is hidden in it."""
        if "began" in mark:
            self._tickets.recall(mark["turn"]["turn"])
        if mark.get("point") and text:
            self._conversations.answered(mark["point"], text)
        loop = asyncio.get_running_loop()
        if (now := loop.time()) > self._due:
            self._due = now + WRITTEN
            loop.call_at(self._due, self._get_ready)

    def _get_ready(self) -> None:
        """What the next request needs and nobody waits for now."""
        self._conversations.catch_up()
        self._tickets.get_ready()
        asyncio.get_running_loop().call_later(IDLE, self._rest, self._garbage.requests)

    def _rest(self, requests: int) -> None:
        """`requests`: how many had come by then. Where there are no more, nobody waits for LiteLLM."""
        if not self._open and requests == self._garbage.requests:
            self._garbage.collect(whole=True)

    async def async_post_call_success_deployment_hook(self, request_data: dict, response: Any, call_type: Any) -> None:
        """Hands an answer on at once: what LiteLLM does until the hook behind the call costs the turn no time then."""
        early = EARLY.get()
        # Where there is much to do nothing is gained by the order in which it is done.
        if early is None or len(self._open) > FEW or not early.waits_for(request_data):
            return
        try:
            await early.answered(response)
        except Exception as error:  # the hook behind the call does it
            verbose_proxy_logger.debug("toolturn: a turn was not handed on early: %s", _name(error))

    async def async_post_call_success_hook(self, data: dict, user_api_key_dict: Any, response: Any) -> Any:
        """Replaces a response that holds tool calls by the finished answer, in place."""
        mark = _metadata(data).get(MARK)
        if not mark:
            # hook-service knows ids as LiteLLM does inside: what is no response object is not encrypted
            return _dump(response) if _is_plain_continuation(data, user_api_key_dict) else response
        if mark["state"] != "armed":
            return _add_headers(response, {"x-toolturn": mark["state"]})
        _hide_echo(response, mark)
        if not DIALECTS[mark["dialect"]].has_calls(response):
            self._answered(mark, None if _is_cached(response) else _said(response))
            return _add_headers(response, {"x-toolturn-rounds": "1", "x-toolturn-calls": "0"})
        answered = _dump(response)
        try:
            early = EARLY.get()
            posting = early and early.take(answered)
            try:
                if posting is None:
                    posting = asyncio.create_task(self._finish(data, user_api_key_dict, mark, answered))
                    if len(self._open) < FEW:
                        await _sent()
                _log_before_change(data, response)
                self._idle()
                self._collect_garbage()
                answer = await posting
            finally:
                if posting is not None:
                    posting.cancel()
        except _Refused as refused:
            raise HTTPException(refused.status, detail={"error": refused.message}) from None
        except Exception as error:
            verbose_proxy_logger.error("toolturn: hook-service was lost during a turn: %s", _name(error))
            raise HTTPException(503, detail={"error": LOST}) from None
        if answer["action"] == "replace":
            _replace(response, answer["response"])
        return _add_headers(response, answer.get("headers", {"x-toolturn-rounds": "1", "x-toolturn-calls": "0"}))

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict
    ) -> AsyncGenerator[Any, None]:
        """Passes text through; from the first tool call on the stream goes to hook-service and comes back finished."""
        mark = _metadata(request_data).get(MARK)
        if not mark or mark["state"] != "armed":
            plain = _is_plain_continuation(request_data, user_api_key_dict)
            early = EARLY.get()
            if isinstance(early, _Continued):
                response = early.chunks(response)
            async for chunk in response:
                yield _json(_dump(chunk)) if plain and hasattr(chunk, "response") else chunk
            return
        dialect = DIALECTS[mark["dialect"]]
        hides, watched = bool(mark.get("ours")), _is_watched(request_data)
        writes = dialect.writes and not watched
        seen: list[Any] = []  # what the client has got by then: the model's next round needs it
        chunks = _frames(response) if dialect.raw else aiter(response)
        async for chunk in chunks:
            if dialect.call_begins(chunk):
                head = {
                    **_request(request_data, user_api_key_dict, mark),
                    "turn": self._came(mark),
                    "seen": _events(seen, request_data),
                    "watched": watched,
                }
                first = _events([chunk], request_data)
                async for line in self._finished(dialect, head, first, chunks, mark["deadline"]):
                    yield line
                return
            if hides:
                _hide_echo(getattr(chunk, "response", None), mark)
            seen.append(chunk)
            yield _written(chunk) if writes else chunk
        self._answered(mark, "".join(map(_said_in, seen)) if mark.get("point") else None)

    async def async_post_call_response_headers_hook(
        self, data: dict, user_api_key_dict: Any, response: Any, request_headers: Any = None
    ) -> dict[str, str]:
        """Says in a header how the request fares (newer LiteLLM only; it serves streams too)."""
        mark = _metadata(data).get(MARK)
        return {"x-toolturn": mark["state"]} if mark else {}

    async def async_log_success_event(self, kwargs: dict, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Tells hook-service what a model call cost, later and from a queue."""
        self._reports.add(kwargs)

    async def async_log_failure_event(self, kwargs: dict, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self._reports.add(kwargs)

    async def _finished(
        self, dialect: _Dialect, head: dict, first: list, rest: AsyncIterator[Any], seconds: float
    ) -> AsyncIterator[str]:
        """Pipes the rest of a stream through hook-service. Ends with one error chunk where that fails."""

        reading: asyncio.Task | None = None
        try:
            with self._opened(head["turn"]["turn"]) as opened:
                runs = self._is_heard and _app() is not None
                opened.begin([head, *first], runs)
                reading = asyncio.create_task(opened.tell_round(rest))
                async with self._asking("/hooks/stream", opened, seconds, stays=runs) as line:
                    self._idle()
                    self._collect_garbage()
                    while True:
                        lines = await opened.heard(line)
                        is_over = lines[-1] == "[DONE]"
                        for piece in dialect.frames(lines[:-1] if is_over else lines, head["watched"]):
                            yield piece
                        if is_over:
                            return
        except _Refused as refused:
            yield dialect.frame(dialect.error(refused.message, refused.status))
        except Exception as error:
            verbose_proxy_logger.error("toolturn: hook-service was lost during a stream: %s", _name(error))
            yield dialect.frame(dialect.error(LOST, 503))
        finally:
            # LiteLLM logs tokens and cost when its own stream ends, so it has to end.
            await _ended(reading or asyncio.create_task(_drain(rest)))

    def _finish(self, data: dict, key: Any, mark: dict, answered: dict) -> Coroutine[Any, Any, dict]:
        body = {**_request(data, key, mark), "turn": self._came(mark), "response": answered}
        return self._finish_open(body, mark, isinstance(EARLY.get(), _Early) and not _is_judged())

    async def _finish_open(self, body: dict, mark: dict, early: bool) -> dict:
        with self._opened(mark["turn"]["turn"]) as opened:
            runs, early = _app() is not None, early and len(self._open) <= FEW
            if not self._is_heard or not (runs or early):
                return await self._post("/hooks/post-call", body, _timeout(mark))
            opened.tells_early = early
            opened.begin([body], runs)
            async with self._asking("/hooks/post-call", opened, mark["deadline"]) as line:
                answer = orjson.loads((await opened.heard(line))[0])
                if "error" in answer:
                    raise _Refused(answer["status"], answer["error"]["message"])
                return answer

    @asynccontextmanager
    async def _asking(self, path: str, opened: _Open, seconds: float, stays: bool = True) -> AsyncIterator[_Line]:
        """A request that stays open while hook-service works on a turn, and behind it for the next one."""
        free = self._lines.setdefault((asyncio.get_running_loop(), path), [])
        stays = stays and self._stays
        line = (_free_line(free) if stays else None) or _Line(partial(self._session().post, URL + path), stays)
        try:
            await line.hand(opened, seconds)
            yield line
        except BaseException:
            line.close()  # whoever hangs up has hook-service end the turn
            opened.hang_up()
            raise
        opened.leave()
        if line.over():
            free.append(line)
            if not free[0].is_free():  # there were more turns at once, some time ago
                free.pop(0).close()

    @contextmanager
    def _opened(self, turn: str) -> Iterator[_Open]:
        """While hook-service works on a turn, continuations of it find it."""
        opened = self._open[turn] = _Open()
        try:
            yield opened
        finally:
            if self._open.get(turn) is opened:  # it may have been handed on anew
                del self._open[turn]
            self._ended.append(opened)
            loop = asyncio.get_running_loop()
            loop.call_later(WRITTEN, self._collect_garbage)
            loop.call_later(IDLE, self._idle)
            loop.call_later(IDLE, self._rest, self._garbage.requests)

    def _idle(self) -> None:
        """LiteLLM has time: what it was kept from goes on."""
        ended, self._ended = self._ended, []
        for each in ended:
            each.over.set()

    def _collect_garbage(self) -> None:
        """Before LiteLLM does it in the middle of a request: a turn holds several requests at once, one holds none."""
        if len(self._open) <= FEW:
            self._garbage.collect()

    async def _post(self, path: str, body: dict, timeout: aiohttp.ClientTimeout) -> dict:
        payload = orjson.dumps(body, default=_no_json)
        async with self._session().post(URL + path, data=payload, timeout=timeout) as reply:
            await _check(reply)
            return orjson.loads(await reply.read() or b"{}")

    async def _follow(self) -> AsyncGenerator[bytes, None]:
        """Lines in which hook-service says which tickets count; they end with the connection."""
        async with self._session().get(f"{URL}/hooks/follow", timeout=FOLLOW) as reply:
            if reply.status == 200:
                async for line in reply.content:
                    yield line

    def _session(self) -> aiohttp.ClientSession:
        """One connection pool for each event loop: a pool does not survive its loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._sessions:
            headers = {"x-toolturn-secret": SECRETS[0] if SECRETS else "", "content-type": "application/json"}
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
            self._sessions[loop] = aiohttp.ClientSession(connector=connector, headers=headers, read_bufsize=2**20)
        return self._sessions[loop]


class _Early:
    """The turn of one request, in whose context this is: handed on while LiteLLM still works on the model's answer."""

    def __init__(self, finish: Any, data: dict, key: Any, mark: dict) -> None:
        self._finish, self._asked, self._turn = finish, (data, key, mark), mark["turn"]
        self._answered: dict | None = None
        self._posting: asyncio.Task | None = None

    def waits_for(self, request: dict) -> bool:
        mark = _metadata(request).get(MARK) or {}
        return self._posting is None and mark.get("turn") == self._turn

    async def answered(self, response: Any) -> None:
        if not DIALECTS["chat"].has_calls(response) or _is_judged():
            return
        answered = _dump(response)
        self._answered, self._posting = answered, asyncio.create_task(self._finish(*self._asked, answered))
        # LiteLLM may drop the answer. Whoever hangs up has hook-service end the turn.
        drop = asyncio.get_running_loop().call_later(UNTAKEN, self._drop)
        self._posting.add_done_callback(lambda done: drop.cancel() or done.cancelled() or done.exception())
        await _sent()

    def take(self, answered: dict) -> asyncio.Task | None:
        """What was begun with this very answer; of another one nobody wants the end."""
        posting, is_it = self._posting, self._answered == answered
        self._posting = None
        if posting is not None and not is_it:
            posting.cancel()
        return posting if is_it else None

    def _drop(self) -> None:
        if self._posting is not None:
            self._posting.cancel()


class _Open:
    """A turn that hook-service works on, over a request that stays open: it asks there for the turn's next rounds."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.tells_early = False  # whether hook-service hears of an answer before LiteLLM sends it
        self._told: set[str] = set()
        self._lines: asyncio.Queue[bytes | _Part] = asyncio.Queue(WAITING)
        self._is_open = self._runs = False
        self._gone: dict[int, asyncio.Event] = {}  # set for a request of which nobody wants the answer any more

    def begin(self, lines: list[dict], runs: bool) -> None:
        """`runs`: what hook-service asks of LiteLLM can be asked here."""
        lines = [{**lines[0], "runs": True}, *lines[1:]] if runs else lines
        self._lines.put_nowait(b"".join(orjson.dumps(line, default=_no_json) + b"\n" for line in lines))
        self._is_open, self._runs = True, runs

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """What is told, those together that wait together."""
        while True:
            lines = [await self._lines.get()]
            while lines[-1] and not self._lines.empty():
                lines.append(self._lines.get_nowait())
            if text := b"".join(line if isinstance(line, bytes) else line.take() for line in lines):
                yield text  # an empty one would end the request
            if not lines[-1]:
                return

    async def tell(self, line: dict) -> None:
        """Resolves when more may be told; what nobody hears any more is dropped."""
        await self._put(orjson.dumps(line) + b"\n")

    async def _put(self, line: bytes | _Part) -> None:
        if self._is_open:
            await self._lines.put(line)

    async def tell_round(self, chunks: AsyncIterator[Any]) -> None:
        """The rest of a streamed round, to its end."""
        try:
            async for chunk in chunks:
                for event in _dump_frame(chunk):
                    await self.tell(event)
                # To be sent: what the model has written already comes without a pause.
                await asyncio.sleep(0)
        except Exception as error:  # the model failed in mid-stream
            code = getattr(error, "status_code", 502)
            said = str(error).split("\n", 1)[0][:500]  # what LiteLLM writes below can hold a piece of a call
            await self.tell({"error": {"message": said, "code": str(code)}})
        if self._runs:
            await self.tell({"toolturn": {"read": True}})
        elif self._is_open:
            self._is_open = False
            await self._lines.put(b"")

    async def tell_early(self, of: str, answered: dict) -> None:
        self._told.add(of)
        await self.tell({"toolturn": {"of": of, "response": answered}})

    async def heard(self, line: _Line) -> list[str]:
        """The next lines for the client. What hook-service asks LiteLLM between them is asked here."""
        while True:
            lines = await line.read()
            if any(each.startswith(">") for each in lines):
                for each in lines:
                    if each.startswith(">"):
                        self._hear(each[1:], line)
                lines = [each for each in lines if not each.startswith(">")]
            if lines:
                return lines

    def _hear(self, said: str, line: _Line) -> None:
        """A request's head, and behind a tab its body; or the number of one that is given up."""
        head, _, body = said.partition("\t")
        asked = orjson.loads(head)
        if "leave" in asked:
            line.stays = False
        elif "drop" in asked:
            if gone := self._gone.get(asked["drop"]):
                gone.set()
        else:  # in a context of its own, as a server would run it
            self._gone[asked["id"]] = asyncio.Event()
            Context().run(_in_background, self._run(asked, body.encode(), line.peer))

    async def _run(self, asked: dict, body: bytes, peer: Any) -> None:
        """A request of hook-service to LiteLLM without a connection: its application is called as a server calls it."""
        gone, came, is_over = self._gone[asked["id"]], [body], False
        head: dict[str, Any] = {"id": asked["id"]}
        part: _Part | None = None
        decoder, together = codecs.getincrementaldecoder("utf-8")("replace"), 0.0

        async def receive() -> dict:
            if came:
                return {"type": "http.request", "body": came.pop(), "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict) -> None:
            nonlocal part, is_over, together
            if message["type"] == "http.response.start":
                said = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
                kept = {name: said[name] for name in SAID if name in said}
                head.update(status=message["status"], headers=kept)
                return
            is_over = not message.get("more_body", False)
            piece = decoder.decode(message.get("body", b""), is_over)
            wanted = "" if asked["headers"].get(BELONGS) in self._told else piece
            if part is None or not part.may_grow:
                part = _Part({"id": asked["id"]} if part else head, wanted, is_over)
                await self._put(part)
            else:
                part.add(wanted, is_over)
            if is_over:
                gone.set()
            elif time.monotonic() > together:  # what the model has written already comes without a pause
                await asyncio.sleep(0)
                together = time.monotonic() + TOGETHER

        try:
            await _app()(_scope(asked, body, peer), receive, send)
        except Exception as error:
            verbose_proxy_logger.error("toolturn: LiteLLM failed at a continuation: %s", _name(error))
        finally:
            gone.set()
            self._gone.pop(asked["id"], None)
            if not is_over:
                await self.tell({"toolturn": {"id": asked["id"], "broken": True}})

    def leave(self) -> None:
        """Both sides have said what they had to."""
        if self._is_open:
            self._close()
            self._lines.put_nowait(b"")

    def hang_up(self) -> None:
        """Nobody waits for the turn any more, nor for what LiteLLM is asked."""
        self._close()
        for gone in self._gone.values():
            gone.set()

    def _close(self) -> None:
        self._is_open = False
        while not self._lines.empty():  # whoever waits to tell more goes on
            self._lines.get_nowait()

    async def wait(self) -> None:
        """Until the client has its answer: what LiteLLM does behind the model's can wait as long."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.over.wait(), HELD)


class _Line:
    """A request to hook-service that stays open, for one turn after the other."""

    def __init__(self, post: Any, stays: bool) -> None:
        self.stays = stays  # whether another turn may begin on it
        self.peer: Any = None
        self._post, self._reply = post, None
        self._turns: asyncio.Queue[_Open | None] = asyncio.Queue()
        self._begun: list[bytes] = []  # of a line that has not ended yet
        self._late: asyncio.TimerHandle | None = None
        self._free_since, self._old_at = 0.0, time.monotonic() + OLD

    async def hand(self, opened: _Open, seconds: float) -> None:
        """Begins a turn, for which hook-service has so many seconds."""
        self._turns.put_nowait(opened)
        if not self.stays:
            self._turns.put_nowait(None)
        late = asyncio.get_running_loop().time() + seconds
        if self._reply is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT)
            asking = self._post(data=self._body(), headers=LINES, timeout=timeout)
            self._reply = reply = await asyncio.wait_for(asking, seconds)
            transport = reply.connection and reply.connection.transport
            self.peer = transport and transport.get_extra_info("peername")
            await _check(reply)
        content = self._reply.content
        self._late = asyncio.get_running_loop().call_at(late, content.set_exception, asyncio.TimeoutError())

    async def _body(self) -> AsyncGenerator[bytes, None]:
        begins = b""  # every turn but the first one says where it begins
        while (opened := await self._turns.get()) is not None:
            async for text in opened.lines():
                yield begins + text
                begins = b""
            begins = b">"

    async def read(self) -> list[str]:
        """Whole lines, those together that came together."""
        while piece := await self._reply.content.readany():
            whole, newline, begun = piece.rpartition(b"\n")
            if newline:
                lines = b"".join([*self._begun, whole]).decode().split("\n")
                self._begun = [begun] if begun else []
                return lines
            self._begun.append(begun)
        raise ConnectionError("the answer was cut off")

    def over(self) -> bool:
        """The turn has its answer. True where another one may begin."""
        self._late.cancel()
        self._free_since = time.monotonic()
        if not self.stays:
            self._turns.put_nowait(None)
            if not self._reply.closed:  # read to its end, the connection can be used again
                _in_background(_read_rest(self._reply))
        return self.stays

    def is_free(self) -> bool:
        """False where hook-service has said that it leaves, or has gone."""
        now, content = time.monotonic(), self._reply.content
        is_kept = now < min(self._free_since + KEPT, self._old_at) and not self._begun
        return is_kept and not self._reply.closed and not content.exception() and not content.read_nowait()

    def close(self) -> None:
        if self._late is not None:
            self._late.cancel()
        if self._reply is not None:
            self._reply.close()


def _free_line(lines: list[_Line]) -> _Line | None:
    """The one that was used last. Those that may not be used any more are closed."""
    while lines:
        line = lines.pop()
        if line.is_free():
            return line
        line.close()
    return None


class _Part:
    """A part of LiteLLM's answer to hook-service, which grows until it is sent: each costs as much as a large one."""

    def __init__(self, head: dict, piece: str, is_over: bool) -> None:
        self._head, self._pieces, self._size = head, [], 0
        self.add(piece, is_over)

    @property
    def may_grow(self) -> bool:
        return self._size < LARGE

    def add(self, piece: str, is_over: bool) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        self._is_over = is_over

    def take(self) -> bytes:
        told = {**self._head, "piece": "".join(self._pieces), "end": self._is_over}
        self._size = LARGE
        return orjson.dumps({"toolturn": told}) + b"\n"


def _turns() -> Iterator[str]:
    """Ids of turns. The system takes as long for many as for one."""
    while True:
        drawn = secrets.token_hex(16 * 64)
        yield from (drawn[at : at + 32] for at in range(0, len(drawn), 32))


class _Garbage:
    """
    When Python looks for garbage. What LiteLLM has loaded stays, a million objects: none need be looked at for ever.
    And where requests come without a pause, theirs need not be for every 700 new ones: most of them are in use.
    """

    def __init__(self) -> None:
        self.requests = 0
        self._is_spared = False

    def count_request(self) -> None:
        self.requests += 1
        if self.requests == WARM:
            gc.callbacks.append(self._collected)
            if gc.get_threshold() == PYTHONS:  # nobody has chosen it
                gc.set_threshold(BUSY, *PYTHONS[1:])

    def collect(self, whole: bool = False) -> None:
        """`whole`: nobody waits for LiteLLM, and may look for as long as that takes."""
        if not gc.isenabled():
            return
        if whole and self.requests >= WARM and not self._is_spared:
            gc.collect()
            return
        (young, old, oldest), (_, many, most) = gc.get_count(), gc.get_threshold()
        if young > YOUNG:
            gc.collect(0 if old <= many else 2 if whole and self._is_spared and oldest > most else 1)

    def _collected(self, phase: str, info: dict) -> None:
        """The first full collection is the last one that takes a third of a second: it leaves what is needed."""
        if phase == "stop" and info["generation"] == 2:
            gc.callbacks.remove(self._collected)
            gc.freeze()
            self._is_spared = True


PYTHONS = (700, 10, 10)


def _app() -> Any:
    """LiteLLM's own application, without what only looks at other requests than ours; None where it has none."""
    if not APP:
        try:
            from litellm.proxy.proxy_server import app  # it is loaded long since, and loads this file
        except ImportError:
            app = None
        if app is not None and all(each.cls.__name__ in OF_OTHERS for each in app.user_middleware):
            app = copy(app)
            app.user_middleware, app.middleware_stack = [], None
        APP.append(app)
    return APP[0]


APP: list[Any] = []
# They look at browsers' requests, and at those for /metrics; every piece of an answer costs a task and a queue in them.
OF_OTHERS = ("CORSMiddleware", "PrometheusAuthMiddleware")


def _scope(asked: dict, body: bytes, peer: Any) -> dict:
    """A request as a server describes it to an application (ASGI 3.0); it comes from where hook-service is."""
    path, _, query = asked["path"].partition("?")
    headers = {**asked["headers"], "content-length": str(len(body))}
    return {
        **{"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1"},
        **{"method": "POST", "scheme": "http", "root_path": "", "server": None, "client": peer and tuple(peer[:2])},
        **{"path": unquote(path), "raw_path": path.encode(), "query_string": query.encode()},
        "headers": [(n.encode("latin-1"), v.encode("latin-1", "replace")) for n, v in headers.items()],
    }


class _Continued:
    """A request that continues a turn of this process, in whose context this is."""

    def __init__(self, opened: _Open, data: dict, key: Any) -> None:
        self._opened, self._of = opened, _metadata(data)[OF]
        self._asks_usage = bool((data.get("stream_options") or {}).get("include_usage"))
        self._is_watched = _is_watched(data)
        # While it is held it counts as one of the requests that the key may have at once.
        self._may_be_held = getattr(key, "max_parallel_requests", None) is None and data.get("n") in (None, 1)

    def waits_for(self, request: dict) -> bool:
        is_it = _metadata(request).get(OF) == self._of
        return is_it and self._opened.tells_early and not request.get("stream")

    async def answered(self, response: Any) -> None:
        answered = _dump(response)
        await self._opened.tell_early(self._of, answered)
        if self._may_be_held and not DIALECTS["chat"].has_calls(answered):
            return await self._opened.wait()
        await _sent()

    async def chunks(self, response: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
        """The chunks, and what LiteLLM does behind the last one later."""
        calls = False
        async for chunk in response:
            choices, usage = getattr(chunk, "choices", None), _field(chunk, "usage")
            reason = choices[0].finish_reason if choices else None
            calls = calls or reason in ("tool_calls", "function_call")
            yield chunk if self._is_watched else _written(chunk)
            if (usage if self._asks_usage else reason) and self._may_be_held and not calls:
                await self._opened.wait()


EARLY: ContextVar[_Early | _Continued | None] = ContextVar("toolturn_early", default=None)


async def _sent() -> None:
    """Resolves when a request that has just been made a task is on its way."""
    for _ in range(SENT):
        await asyncio.sleep(0)


class _Reports:
    """Model calls on their way to hook-service, off the request path. What is lost on it is counted."""

    def __init__(self, post: Any) -> None:
        self._post = post
        self._queue: list[dict] = []
        self._requests: dict[str, tuple] = {}  # those that were answered by a ticket, by an id of their own
        self._task: asyncio.Task | None = None
        self.missed = self._dropped = 0

    def add(self, kwargs: dict) -> None:
        call = _logged(kwargs)
        if call is None:
            return
        if len(self._queue) >= 1000:
            self._dropped += 1
            return
        self._queue.append(call)
        self._start()

    def add_request(self, turn: str, request: dict, ticket: _Ticket) -> None:
        if len(self._requests) >= 1000:
            self._dropped += 1
            return
        client, asks_stream = request["headers"].get("user-agent", ""), request["body"].get("stream") is True
        self._requests[turn] = turn, ticket, asks_stream, request["call_id"], client, time.monotonic()
        self._start()

    def take_request(self, turn: str) -> dict | None:
        """The report of a request, where it has not been sent yet: hook-service shall not hear of a turn before."""
        request = self._requests.pop(turn, None)
        return request and _reported(*request)

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._send())

    async def _send(self) -> None:
        while self._queue or self._requests:
            await asyncio.sleep(TOLD)
            calls, self._queue = self._queue[:500], self._queue[500:]
            requests, self._requests = [_reported(*each) for each in self._requests.values()], {}
            missed, dropped = self.missed, self._dropped
            report = {"calls": calls, "requests": requests, "missed": missed, "dropped": dropped}
            try:
                await self._post("/hooks/log", report, REPORT)
                self.missed -= missed
                self._dropped -= dropped
            except Exception as error:
                self._dropped += len(calls) + len(requests)
                verbose_proxy_logger.debug("toolturn: model calls were not reported: %s", _name(error))


def _reported(turn: str, ticket: _Ticket, stream: bool, call_id: str, client: str, came: float) -> dict:
    """A request that was answered by a ticket. When it came is how long ago that was: clocks of two machines differ."""
    return {
        "facts": ticket.facts,
        "stream": stream,
        "turn": turn if ticket.deadline is not None else None,
        "call_id": call_id,
        "client": client.split(" ", 1)[0][:64],
        "age": (time.monotonic() - came) * 1000,
    }


class _Ticket(NamedTuple):
    """An answer of hook-service that counts for plain requests of the same caller, model and path, for a time."""

    version: str  # counts as long as hook-service says the same
    until: float
    config: str | None
    of: str
    facts: dict
    has_header: Callable[[str], Any]  # headers, words and lengths that only hook-service can judge
    words: list[list[str]]
    tokens: float
    changes: bytes
    ours: list[str]  # flat functions among them
    deadline: float | None  # None where nothing is offered


class _Past(NamedTuple):
    """What was said in a conversation, as digests: up to its last question, and up to the answer to that."""

    question: str
    answer: str


class _Said(NamedTuple):
    """The conversation in a request without a word of tools."""

    texts: list[str]  # instructions, and what is asked now
    past: _Past | None = None  # None for the first request of a conversation
    point: str | None = None  # all of it as a digest; None in dialects where hook-service sees all others itself


class _PlainRequest(NamedTuple):
    """A request that hook-service may have answered before: without a word of tools."""

    key: bytes  # everything that the answer depends on: who asks, for which model, on which path
    texts: list[str]
    past: _Past | None
    point: str | None
    tokens: float  # how long its answer may be
    headers: dict[str, str]


class _Conversations:
    """Those with nothing hidden in them: hook-service has looked, or each answer was the model's own."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}  # by all that was said, an answer last
        self._answers: dict[str, str] = {}  # the same by what was said before that answer
        self._new: list[tuple[str, str]] = []  # questions with the model's own answers, to be added

    def hide_nothing(self, past: _Past | None) -> bool:
        if past is None:
            return True
        self.catch_up()
        return self._until.get(past.answer, 0.0) > time.monotonic()

    def answered(self, question: str, answer: str) -> None:
        self._new.append((question, answer))

    def catch_up(self) -> None:
        new, self._new = self._new, []
        for question, answer in new:
            self.add(_Past(question, _behind(question, answer)))

    def add(self, past: _Past | None) -> None:
        if past is None:
            return
        self.forget(past.question)
        self._answers[past.question], self._until[past.answer] = past.answer, time.monotonic() + CLEAR
        if len(self._answers) > CONVERSATIONS:
            self.forget(next(iter(self._answers)))

    def forget(self, question: str | None) -> None:
        """The question is asked anew, and tools are used: the same answer may have something hidden in it now."""
        self.catch_up()
        self._until.pop(self._answers.pop(question or "", ""), None)


class _Tickets:
    """Keeps tickets while hook-service, to which a connection is held open for it, says that they count."""

    def __init__(self, follow: Any) -> None:
        self._follow = follow
        self._kept: dict[bytes, _Ticket] = {}
        self._changes: dict[bytes, bytes] = {}  # one copy of equal ones
        self._used: bytes | None = None  # those of the last request
        self._ready: dict | None = None  # and what they say, for the next one
        self._asked: dict[str, bytes] = {}  # requests as they came, by turn: other hooks may change them later
        self._size = 0
        self._version: str | None = None
        self._full: Any = ()  # callers whose requests hook-service refuses for now; True: all of them
        self._heard = self._started = float("-inf")
        self._task: asyncio.Task | None = None

    def find(self, plain: _PlainRequest) -> _Ticket | None:
        ticket, now = self._kept.get(plain.key), time.monotonic()
        if ticket is None or ticket.version != self._version or now > ticket.until:
            return None
        if now > self._heard + SILENCE:
            return None
        if self._full is True or ticket.facts["scope"] in self._full:
            return None
        if plain.tokens <= ticket.tokens or ticket.has_header("\n".join(plain.headers)):
            return None
        text = " ".join(plain.texts).lower()
        for words in ticket.words:
            if all(map(text.__contains__, words)):
                return None
        return ticket

    def keep(self, plain: _PlainRequest, answer: dict) -> None:
        told, limits, now = answer["ticket"], answer["ticket"]["unless"], time.monotonic()
        changes = orjson.dumps(answer.get("set", {}))
        self._kept.pop(plain.key, None)
        self._kept[plain.key] = _Ticket(
            told["version"],
            now + 60,
            told.get("config"),
            told["of"],
            told["facts"],
            _beginning(tuple(limits["headers"])),
            limits["words"],
            limits["tokens"],
            self._changes.setdefault(changes, changes),
            sorted(_tool_names(answer.get("set", {}).get("tools"))),
            answer["deadline"] if answer["action"] == "arm" else None,
        )
        if len(self._kept) > 1000:
            del self._kept[next(iter(self._kept))]
        if (self._task is None or self._task.done()) and now > self._started + 1:
            self._started = now
            self._task = asyncio.create_task(self._listen())

    def changes(self, ticket: _Ticket) -> dict:
        """Anew for each request: LiteLLM may change what it gets."""
        ready, self._ready = self._ready if ticket.changes is self._used else None, None
        self._used = ticket.changes
        return ready or orjson.loads(ticket.changes)

    def get_ready(self) -> None:
        if self._used is not None and self._ready is None:
            self._ready = orjson.loads(self._used)

    def remember(self, turn: str, body: dict) -> None:
        self._asked[turn] = text = orjson.dumps(body, default=_no_json)
        self._size += len(text)
        while self._size > 2**24:
            self.recall(next(iter(self._asked)))

    def recall(self, turn: str) -> bytes | None:
        text = self._asked.pop(turn, None)
        self._size -= len(text or b"")
        return text

    async def _listen(self) -> None:
        try:
            async for line in self._follow():
                state = orjson.loads(line)
                self._version, self._full, self._heard = state["version"], state["full"], time.monotonic()
                kept = {key: ticket for key, ticket in self._kept.items() if ticket.version == self._version}
                if len(kept) < len(self._kept):
                    self._kept, self._changes = kept, {ticket.changes: ticket.changes for ticket in kept.values()}
        except Exception as error:
            verbose_proxy_logger.debug("toolturn: every request is asked about: %s", _name(error))
        finally:
            self._version = self._used = self._ready = None
            self._kept.clear()
            self._changes.clear()


@lru_cache(10)
def _beginning(names: tuple[str, ...]) -> Callable[[str], Any]:
    """Finds a line that begins with one of them. A client sends the same headers again and again."""
    pattern = re.compile(f"^(?:{'|'.join(map(re.escape, names))})" if names else "(?!)", re.MULTILINE)
    return lru_cache(100)(pattern.search)


def _plain_request(dialect: str, request: dict, data: dict) -> _PlainRequest | None:
    """None for a request that hook-service has to see: with any field but those known to say nothing of tools."""
    body, rules = request["body"], DIALECTS[dialect]
    model = body.get("model")
    if not isinstance(model, str) or "tools" in data or not rules.fields.issuperset(body) or body.get("metadata"):
        return None
    try:
        key = orjson.dumps([dialect, request["url"], model, request["key"]])
    except TypeError:
        return None
    if (said := rules.said(body, key)) is None:
        return None
    longest = [body[name] for name in LENGTHS if isinstance(body.get(name), int | float)]
    return _PlainRequest(key, *said, min(longest, default=float("inf")), request["headers"])


def _conversation(messages: Any, who: bytes = b"") -> _Said | None:
    """None where it holds more than texts: calls and their results, pictures, thoughts, instructions in its middle."""
    texts, asked, past, state = [], [], None, _DIGEST(who)
    for message in messages if isinstance(messages, list) else ():
        role = message.get("role") if isinstance(message, dict) else None
        text = _text(message.get("content")) if role in ROLES else None
        if text is None or message.get("type", "message") != "message":
            return None
        if role == "assistant":
            if len(message) > 2 and any(message[name] for name in message if name not in ("role", "content")):
                return None
            question = state.hexdigest()
            past, asked = _Past(question, _behind(question, text)), []
            state = _DIGEST(past.answer.encode())
        elif role == "user":
            asked.append(text)
            state.update(b"%d %s" % (len(text), _bytes(text)))
        elif past or asked:
            return None
        else:  # instructions may change from request to request, and nothing is found by them
            texts.append(text)
    return _Said([*texts, *asked], past, state.hexdigest()) if asked else None


_DIGEST = partial(hashlib.blake2b, digest_size=32)


def _behind(question: str, answer: str) -> str:
    """What was said with the answer to it. Clients trim answers."""
    return _DIGEST(question.encode() + _bytes(answer.strip())).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _said(response: Any) -> str | None:
    """What a chat client is told, where it can be found again in its next request."""
    messages = _messages(response)
    return _value(messages[0], "content") if len(messages) == 1 else None


def _messages(response: Any) -> list[Any]:
    """Those of a chat answer, whether it is an object or a dict."""
    return [_value(choice, "message") for choice in _value(response, "choices") or ()]


def _value(of: Any, name: str) -> Any:
    return of.get(name) if isinstance(of, dict) else _field(of, name)


def _said_in(chunk: Any) -> str:
    choices = getattr(chunk, "choices", None)
    return (choices and _field(choices[0].delta, "content")) or ""


def _is_cached(response: Any) -> bool:
    return bool((getattr(response, "_hidden_params", None) or {}).get("cache_hit"))


def _first_texts(messages: Any) -> list[str] | None:
    """The texts of a conversation that only begins: instructions, then what is asked. None where there is more."""
    said = _conversation(messages)
    return said.texts if said and said.past is None else None


def _text(content: Any) -> str | None:
    """A text, whole or in parts; None where parts are something else."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else None
    texts = [part.get("text") if isinstance(part, dict) and part.get("type") in TEXTS else None for part in content]
    return "".join(texts) if all(isinstance(text, str) for text in texts) else None


TEXTS = ("text", "input_text")
ROLES = ("system", "developer", "user", "assistant")
LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
# fields that decide nothing before the call; `metadata` may be there, but empty
PLAIN = {"model", "stream", "temperature", "top_p", "metadata", *LENGTHS}


def _logged(kwargs: dict) -> dict | None:
    """What LiteLLM logs of a model call, as far as it concerns cost; None for calls that are none of ours."""
    log, params = kwargs.get("standard_logging_object"), kwargs.get("litellm_params") or {}
    found = (params.get(name) for name in ("metadata", "litellm_metadata"))
    of = next((each[OF] for each in found if isinstance(each, dict) and OF in each), None)
    if not isinstance(log, dict) or of is None:
        return None
    who = log.get("metadata") or {}
    names = {"hash": "hash", "alias": "alias", "user": "user_id", "team": "team_id"}
    usage = who.get("usage_object") or {}
    return {
        "id": str(log.get("id")),
        "began": log.get("startTime"),
        "of": of,
        "key": {name: who.get(f"user_api_key_{field}") for name, field in names.items()},
        "model": log.get("model_group") or log.get("model"),
        "failed": log.get("status") == "failure",
        "cost": log.get("response_cost"),
        "input": log.get("prompt_tokens"),
        "output": log.get("completion_tokens"),
        "cached": (usage.get("prompt_tokens_details") or {}).get("cached_tokens"),
        "ms": ((log.get("endTime") or 0) - (log.get("startTime") or 0)) * 1000,
        "cache_hit": log.get("cache_hit"),
    }


class _Refused(Exception):
    """hook-service answered, and said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"hook-service answered {status}")
        self.status, self.message = status, message


def _metadata(data: dict) -> dict:
    """LiteLLM's metadata of a request: stays inside LiteLLM and comes back in every hook."""
    if isinstance(data.get("litellm_metadata"), dict):
        return data["litellm_metadata"]
    if not isinstance(data.get("metadata"), dict):
        data["metadata"] = {}
    return data["metadata"]


def _url(data: dict) -> str:
    return str((data.get("proxy_server_request") or {}).get("url") or "")


def _headers(data: dict) -> dict[str, str]:
    """All headers as the client sent them; newer versions hide the values from printing, not from reading."""
    raw = (data.get("secret_fields") or {}).get("raw_headers") or {}
    return {name.lower(): raw[name] for name in raw}


def _request(data: dict, key: Any, mark: dict, headers: dict[str, str] | None = None) -> dict:
    """The client's request with what was armed on top, and who sent it."""
    body = dict((data.get("proxy_server_request") or {}).get("body") or {})
    if isinstance(body.get("metadata"), dict) and "requester_metadata" in body["metadata"]:
        body["metadata"] = body["metadata"]["requester_metadata"]  # newer versions put their own in its place
    if "user_api_key_hash" in (body.get("litellm_metadata") or ()):
        del body["litellm_metadata"]  # newer versions put their own there, with addresses that they refuse in a request
    body.update({name: data[name] for name in mark.get("set", ()) if name in data})
    for name in mark.get("remove", ()):
        body.pop(name, None)
    body.pop("litellm_call_id", None)  # newer versions add it
    if isinstance(body.get("previous_response_id"), str):
        body["previous_response_id"] = _plain_id(body["previous_response_id"])
    return {
        "url": _url(data),
        "headers": _headers(data) if headers is None else headers,
        "key": _caller(key),
        "call_id": data.get("litellm_call_id"),
        "body": body,
        **({"turn": mark["turn"]} if "turn" in mark else {}),
    }


def _rewritten(data: dict) -> list[str]:
    """Fields of the client's that another guardrail, listed before this one, has put something else into."""
    body = (data.get("proxy_server_request") or {}).get("body") or {}
    return [name for name in CONVERSATION if name in data and name in body and data[name] != body[name]]


def _caller(key: Any) -> dict:
    """Who LiteLLM says the caller is, and what it grants to the key, its team and the end user."""
    fields = vars(key)  # pydantic is slow to say that a field is not there
    grants = [_grant(fields[level]) for level in LEVELS if fields.get(level)]
    grants.append(LOADED.get(fields.get("object_permission_id"), (0.0, {}))[1])
    return {
        "hash": key.api_key,
        "alias": key.key_alias,
        "user": key.user_id,
        "team": key.team_id,
        "team_alias": key.team_alias,
        "end_user": key.end_user_id,
        "grants": [grant for grant in grants if grant],
    }


LEVELS = ("object_permission", "team_object_permission", "end_user_object_permission")


async def _load_grants(key: Any) -> None:
    """LiteLLM 1.77.3 leaves the grants of a virtual key in its database until it serves MCP itself: ask it for them."""
    record = getattr(key, "object_permission_id", None)
    if record is None or key.object_permission is not None or LOADED.get(record, (0.0,))[0] > time.monotonic():
        return
    from litellm.proxy._experimental.mcp_server.auth.user_api_key_auth_mcp import MCPRequestHandler

    servers = await MCPRequestHandler.get_allowed_mcp_servers(key)
    LOADED.pop(record, None)
    LOADED[record] = (time.monotonic() + 30, {"mcp_servers": servers} if servers else {})
    if len(LOADED) > 1000:
        del LOADED[next(iter(LOADED))]


def _grant(permission: Any) -> dict:
    """The part of a permission record about MCP; empty where it records nothing. LiteLLM takes [] for nothing too."""
    return {name: value for name in GRANTS if (value := getattr(permission, name, None))}


def _is_continuation(headers: dict[str, str], key: Any) -> bool:
    """True for a request of hook-service's own: signed, for this key, and not expired."""
    turn, _, rest = headers.get(CONTINUATION, "").partition(".")
    expires, _, signature = rest.partition(".")
    seconds = int(expires) if expires.isascii() and expires.isdigit() and len(expires) < 20 else 0
    if not turn or seconds <= time.time():
        return False
    text = f"{turn}.{expires}.{key.api_key or ''}".encode()
    wanted = (hmac.new(secret.encode(), text, hashlib.sha256).hexdigest() for secret in SECRETS)
    return any(hmac.compare_digest(w.encode(), signature.encode()) for w in wanted)


def _tool_names(tools: Any) -> set[str]:
    """Names of the flat functions in a tool list (Responses API)."""
    if not isinstance(tools, list):
        return set()
    read = (tool if isinstance(tool, dict) else getattr(tool, "__dict__", {}) for tool in tools)
    return {tool["name"] for tool in read if tool.get("type") == "function" and isinstance(tool.get("name"), str)}


def _hide_echo(response: Any, mark: dict) -> None:
    """The Responses API repeats the request's tools in every response: the client sees its own."""
    if mark.get("ours") and isinstance(tools := getattr(response, "tools", None), list):
        response.tools = [tool for tool in tools if not _tool_names([tool]) & set(mark["ours"])]


def _plain_id(managed: str) -> str:
    """The id of a response as LiteLLM knows it inside, where it was encrypted for its owner."""
    ids = ResponsesIDSecurity and ResponsesIDSecurity()
    return ids._decrypt_response_id(managed)[0] if ids and ids._is_encrypted_response_id(managed) else managed


def _manage_previous(data: dict, key: Any) -> None:
    """Encrypts an id that comes from hook-service for its owner, who alone may name it."""
    previous = data.get("previous_response_id")
    if ResponsesIDSecurity and isinstance(previous, str) and _plain_id(previous) == previous:
        data["previous_response_id"] = ResponsesIDSecurity()._encrypt_response_id(SimpleNamespace(id=previous), key).id


def _is_plain_continuation(data: dict, key: Any) -> bool:
    return bool(ResponsesIDSecurity) and _dialect(data) == "responses" and _is_continuation(_headers(data), key)


def _dialect(data: dict) -> str | None:
    """The dialect of a request, by its path; hook-service has the last word."""
    return _dialect_of(_url(data))


@lru_cache(100)
def _dialect_of(url: str) -> str | None:
    path = url.split("?", 1)[0]
    return next((name for name, dialect in DIALECTS.items() if path.endswith(dialect.paths)), None)


def _is_watched(data: dict) -> bool:
    """Whether anybody else in LiteLLM looks at the chunks of a stream, or changes them: they stay objects then."""
    if "_litellm_client_requested_model" in data:  # newer LiteLLM changes the model's name in each
        return True
    return any(map(_watches, _callbacks()))


def _has_several(data: dict) -> bool:
    """Whether LiteLLM asks several models, and chooses between their answers or gives them all."""
    return bool(data.get("fastest_response")) or "," in str(data.get("model"))


def _is_judged() -> bool:
    """Whether anybody else in LiteLLM may refuse or change a request's answer."""
    return any(map(_judges, _callbacks()))


def _callbacks() -> set[type]:
    """What LiteLLM calls with each request, ourselves included; some it knows by a name."""
    kinds = set(map(type, litellm.callbacks))
    if str not in kinds:
        return kinds
    return {type(get_custom_logger_compatible_class(c) if isinstance(c, str) else c) for c in litellm.callbacks}


@cache
def _judges(callback: type) -> bool:
    if not _is_anothers(callback) or callback.__module__ in LIMITERS:
        return False
    return issubclass(callback, CustomGuardrail) or _overrides(callback, JUDGE_HOOKS)


@cache
def _watches(callback: type) -> bool:
    return _is_anothers(callback) and _overrides(callback, CHUNK_HOOKS)


def _is_anothers(callback: type) -> bool:
    return issubclass(callback, CustomLogger) and not issubclass(callback, Toolturn)


def _overrides(callback: type, hooks: tuple[str, ...]) -> bool:
    return any(getattr(callback, name, None) is not getattr(CustomLogger, name, None) for name in hooks)


def _written(chunk: Any) -> Any:
    """A chunk as LiteLLM writes it. Of an object it first makes texts that nobody reads, at more cost than this."""
    return chunk.model_dump_json(exclude_none=True, exclude_unset=True) if hasattr(chunk, "model_dump_json") else chunk


JUDGE_HOOKS = ("async_post_call_success_hook", "async_post_call_success_deployment_hook", "async_moderation_hook")
# LiteLLM's own, which count and add headers
LIMITERS = tuple(
    f"litellm.proxy.hooks.{name}{version}"
    for name in ("parallel_request_limiter", "dynamic_rate_limiter")
    for version in ("", "_v3")
)
CHUNK_HOOKS = ("async_post_call_streaming_hook", "async_post_call_streaming_iterator_hook")


def _field(value: Any, name: str) -> Any:
    """A field of a chunk. Asked for one that it does not declare, pydantic takes three times as long."""
    extra = getattr(value, "__pydantic_extra__", None)
    return extra[name] if extra and name in extra else getattr(value, name, None)


def _dump(value: Any) -> dict:
    """A response or a chunk as LiteLLM would write it."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}  # LiteLLM's adapters put objects into their dicts
    return value.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return _dump(value) if isinstance(value, dict) or hasattr(value, "model_dump") else value


def _dump_frame(chunk: Any) -> list[dict]:
    """The events in a chunk: one for an object, those of its `data:` lines for a piece of raw SSE."""
    if not isinstance(chunk, bytes):
        return [_dump(chunk)]
    data = b"\n".join(line[5:].strip() for line in chunk.splitlines() if line.startswith(b"data:"))
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        return []  # a comment, or `[DONE]`
    return [event] if isinstance(event, dict) else []


def _events(chunks: list, data: dict) -> list[dict]:
    """The events in chunks as the client gets them, but with plain ids."""
    events = [event for chunk in chunks for event in _dump_frame(chunk)]
    public = data.get("_litellm_client_requested_model")  # newer LiteLLM writes it on its own chat chunks
    for event in events:
        if public and event.get("object") == "chat.completion.chunk":
            event["model"] = public
        response = event.get("response")
        if isinstance(response, dict) and isinstance(response.get("id"), str):
            response["id"] = _plain_id(response["id"])  # newer LiteLLM encrypts it in place, once it was passed on
    return events


async def _frames(response: Any) -> AsyncGenerator[bytes, None]:
    """Raw SSE as one whole event at a time: a provider's piece may hold many, or end inside of one."""
    rest = b""
    async for piece in response:
        rest += piece.encode() if isinstance(piece, str) else piece
        *whole, rest = _BLANK_LINE.split(rest)
        for text, blank in zip(whole[::2], whole[1::2], strict=True):
            yield text + blank
    if rest.strip():
        yield rest


_BLANK_LINE = re.compile(rb"(\r?\n\r?\n)")


def _no_json(value: Any) -> None:
    """Stands in for what LiteLLM keeps among the request's fields and is no JSON."""
    return None


def _timeout(mark: dict) -> aiohttp.ClientTimeout:
    # Keep-alives arrive every few seconds in a stream; a whole answer comes when the turn is over.
    return aiohttp.ClientTimeout(total=mark["deadline"], sock_connect=CONNECT)


def _name(error: BaseException) -> str:
    return type(error).__name__  # its text could hold an address


async def _check(reply: aiohttp.ClientResponse) -> None:
    """Raises what hook-service says where it refuses."""
    if reply.status not in (200, 204):
        raise _Refused(reply.status, (await _error(reply)) or LOST)


async def _error(reply: aiohttp.ClientResponse) -> str | None:
    try:
        return orjson.loads(await reply.read())["error"]["message"]
    except (ValueError, KeyError, TypeError, aiohttp.ClientError):
        return None


async def _read_rest(reply: aiohttp.ClientResponse) -> None:
    try:
        await asyncio.wait_for(reply.read(), HELD)
    except Exception:
        reply.close()


async def _drain(chunks: AsyncIterator[Any]) -> None:
    async for _ in chunks:
        pass


async def _ended(reading: asyncio.Task) -> None:
    try:
        await asyncio.wait_for(reading, LEFT)
    except Exception as error:
        verbose_proxy_logger.debug("toolturn: the rest of a stream was not read: %s", _name(error))


def _log_before_change(data: dict, response: Any) -> None:
    """LiteLLM logs this very object later, from a queue. A copy waits there in its place, with this round's tokens."""
    log = data.get("litellm_logging_obj")
    if log is None or not log.should_run_logging(event_type="async_success"):
        return
    result = copy(response)  # what is changed are its fields, never what stands in them, and the headers
    hidden = getattr(response, "_hidden_params", None)
    if isinstance(hidden, dict):
        result._hidden_params = dict(hidden)
    own = copy(log)
    own.model_call_details = dict(log.model_call_details)
    log.has_run_logging(event_type="async_success")
    GLOBAL_LOGGING_WORKER.ensure_initialized_and_enqueue(
        own.async_success_handler(result=result, start_time=log.start_time, end_time=datetime.now())
    )


def _in_background(work: Coroutine[Any, Any, Any]) -> None:
    _TASKS.add(running := asyncio.create_task(work))
    running.add_done_callback(_TASKS.discard)


_TASKS: set[asyncio.Task] = set()  # a task that nobody holds may be collected before it ran


def _replace(response: Any, answer: dict) -> None:
    """Changes a response in place: LiteLLM 1.77.3 ignores what the hook returns."""
    if isinstance(response, dict):
        response.clear()
        response.update(answer)
        return
    finished = type(response)(**answer)
    for name, value in dict(finished).items():
        setattr(response, name, value)


def _add_headers(response: Any, headers: dict[str, str]) -> Any:
    hidden = getattr(response, "_hidden_params", None)
    if isinstance(hidden, dict):
        hidden["additional_headers"] = {**(hidden.get("additional_headers") or {}), **headers}
    return response


def _json(value: dict) -> str:
    return orjson.dumps(value).decode()


class _Dialect:
    """How one API looks on the wire, as far as the door has to know: which events begin a call, framing, errors."""

    paths: tuple[str, ...] = ("/chat/completions",)
    raw = False  # True where LiteLLM hands bytes of SSE to its hooks
    writes = True  # False where LiteLLM's chunks go on as they are
    fields = frozenset(
        {*PLAIN, "messages", "stream_options", "seed", "stop", "user", "response_format", "reasoning_effort"}
        | {"presence_penalty", "frequency_penalty"}
    )

    def said(self, body: dict, who: bytes) -> _Said | None:
        return _conversation(body.get("messages"), who)

    def has_calls(self, response: Any) -> bool:
        """Whether an answer holds calls of tools. An object takes longer to write down than to look at."""
        return any(_value(message, "tool_calls") for message in _messages(response))

    def call_begins(self, chunk: Any) -> bool:
        choices = getattr(chunk, "choices", None)
        return bool(choices and _field(choices[0].delta, "tool_calls"))

    def frame(self, line: str) -> Any:
        return line  # LiteLLM writes `data:` before it

    def frames(self, lines: list[str], watched: bool) -> list[Any]:
        """What goes to LiteLLM of lines that came together."""
        if watched or not self.writes or not lines:
            return [self.frame(line) for line in lines]
        return ["\n\ndata: ".join(lines)]  # LiteLLM needs as long for several events as for one

    def error(self, message: str, status: int) -> str:
        return _json({"error": {"message": message, "type": "toolturn_error", "param": None, "code": str(status)}})


class _Dumped(_Dialect):
    """One whose answers are read as they are written: fields of LiteLLM's objects have other names."""

    def has_calls(self, response: Any) -> bool:
        return self.calls_in(_dump(response))

    def calls_in(self, response: dict) -> bool:
        raise NotImplementedError


class _Responses(_Dumped):
    writes = False
    paths = ("/v1/responses", "/responses")
    calls = ("function_call", "custom_tool_call")
    fields = frozenset({*PLAIN, "input", "instructions", "reasoning", "store", "text", "user"})

    def said(self, body: dict, who: bytes) -> _Said | None:
        asked, instructions = body.get("input"), body.get("instructions")
        texts = [asked] if isinstance(asked, str) else _first_texts(asked)
        before = [instructions] if instructions else []
        return _Said([*before, *texts]) if texts and all(isinstance(text, str) for text in before) else None

    def calls_in(self, response: dict) -> bool:
        return any(item.get("type") in self.calls for item in response.get("output") or ())

    def call_begins(self, chunk: Any) -> bool:
        kind = getattr(chunk, "type", None)
        if kind in ("response.completed", "response.incomplete"):  # for other providers 1.77.3 names a call here alone
            return self.calls_in(_dump(chunk).get("response") or {})
        if kind != "response.output_item.added":
            return False
        return (_dump(chunk).get("item") or {}).get("type") in self.calls

    def frame(self, line: str) -> Any:
        # An event that names the response goes on as an object, so that its id is encrypted for the client.
        return GenericEvent(**orjson.loads(line)) if ResponsesIDSecurity and '"response":' in line else line

    def error(self, message: str, status: int) -> str:
        # The SDKs raise what has an `error` field; a flat event they yield like any other, and go on.
        fields = {"code": str(status), "message": message, "param": None}
        return _json({"type": "error", **fields, "error": {"type": "toolturn_error", **fields}})


class _Messages(_Dumped):
    writes = False
    paths = ("/v1/messages",)
    raw = True
    fields = frozenset({*PLAIN, "messages", "system", "stop_sequences", "thinking", "top_k"})

    def said(self, body: dict, who: bytes) -> _Said | None:
        texts, system = _first_texts(body.get("messages")), _text(body.get("system") or "")
        return _Said([system, *texts]) if texts and system is not None else None

    def calls_in(self, response: dict) -> bool:
        return any(block.get("type") == "tool_use" for block in response.get("content") or ())

    def call_begins(self, chunk: bytes) -> bool:
        if b"tool_use" not in chunk or b"content_block_start" not in chunk:
            return False
        return any((event.get("content_block") or {}).get("type") == "tool_use" for event in _dump_frame(chunk))

    def frame(self, line: str) -> str:
        return f"event: {orjson.loads(line)['type']}\ndata: {line}\n\n"

    def error(self, message: str, status: int) -> str:
        return _json({"type": "error", "error": {"type": "api_error", "message": message}})


class _GenerateContent(_Dumped):
    writes = False
    paths = (":generateContent", ":streamGenerateContent")
    raw = True

    def said(self, body: dict, who: bytes) -> _Said | None:
        return None  # hook-service sees them all

    def calls_in(self, response: dict) -> bool:
        candidates = response.get("candidates") or ()
        parts = [part for each in candidates for part in (each.get("content") or {}).get("parts") or ()]
        return any(part.get("functionCall") or part.get("function_call") for part in parts)

    def call_begins(self, chunk: bytes) -> bool:
        return b"functionCall" in chunk and any(self.calls_in(event) for event in _dump_frame(chunk))

    def frame(self, line: str) -> str:
        return f"data: {line}\r\n\r\n"

    def error(self, message: str, status: int) -> str:
        return _json({"error": {"code": status, "message": message, "status": "UNAVAILABLE"}})


DIALECTS: dict[str, _Dialect] = {
    "chat": _Dialect(),
    "responses": _Responses(),
    "messages": _Messages(),
    "generateContent": _GenerateContent(),
}
