"""Good messages of the chat sample feed, and what each adds to the tables."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import numpy as np

from chat_platform.sample import chat_text as text
from chat_platform.sample.chat_pools import Json, Pools
from chat_platform.sample.chat_steps import StepMaker
from chat_platform.sample.chat_timeline import MICROS, Slot

_LOW_48 = (1 << 48) - 1

# Shares of messages, from the observed feed unless said otherwise.
_IN_ROOM = 29 / 171
_NO_RESPONSE = (35 / 171, 4 / 171, 3 / 171, 1 / 171)  # 401 page, gzip bytes, empty text, error object
_STEPS_PER_RESPONSE = (33 / 128, 97 / 128, 124 / 128, 126 / 128, 1.0)  # cumulative: 0, 1, 2, 3, 4 steps
_TYPED_STEP = (18 / 128, 22 / 128, 23 / 128)  # cumulative: web_search, browser, fetch_url_content
_OTHER_TYPED_STEP = 0.004  # not observed; keeps step types that have no table of their own in sight
AGENT_SHARE = 0.012  # observed once in 128 usable responses
SCREENSHOT_SHARE = 0.02
_PARTS = 45 / 177
_PRIVATE_QUERY = 0.01
_HEAD_QUERY = 0.08
_SEARCH_TYPE = (160 / 170, 167 / 170)  # cumulative: auto, fast; else absent
# Cumulative share, search_context_size, request cost in 1/1000 US dollar; the observed feed had low alone.
_CONTEXT_SIZES = ((0.94, "low", 6), (0.98, "medium", 10), (1.0, "high", 14))
_COMPLETION = ((0.0, 0.25, 0.5, 0.75, 1.0), (15, 350, 596, 800, 1206))
_PROMPT = ((0.0, 0.5, 0.9, 1.0), (1, 3, 9, 20))

_HTML_401 = (
    "<html>\r\n<head><title>401 Authorization Required</title></head>\r\n<body>\r\n"
    "<center><h1>401 Authorization Required</h1></center>\r\n"
    "<hr><center>gateway</center>\r\n</body>\r\n</html>\r\n"
)
_ERRORS = (
    (400, "bad_request", '["At body -> model: Field required"]'),
    (429, "rate_limit_exceeded", "Too many requests"),
    (500, "internal_error", "Upstream closed the connection"),
)
_QUERY_KEYS = ("query", "message", "content", "user_input", "prompt")
_UNKNOWN_MODELS = ("aurora-2-mini", "sonar-next-preview", "lighthouse-70b")


class Facts(NamedTuple):
    """What one message adds to the tables.

    `status` and `reason` are task_completion_status and _reason, `cost` is in 1/1000 US dollar, `tools`
    holds the types of the typed steps, `domains` the domain_name of each web_automations row ("" for null),
    `user` the raw user id or "".
    """

    date: str
    status: str
    reason: str
    agent: bool
    usable: bool
    has_usage: bool
    cost: int
    typeless: int
    tools: tuple[str, ...]
    web_searches: int
    browser_steps: int
    domains: tuple[str, ...]
    user: str
    has_query: bool


def mix(value: int, salt: int) -> int:
    """Spread a number over 64 bits (splitmix64), the same on every machine."""
    z = (value + 1 + salt * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return z ^ (z >> 31)


def _interpolated(rnd: random.Random, quantiles: tuple[tuple[float, ...], tuple[int, ...]], to: int) -> list[int]:
    """Values to pick from at random so that they have the given quantiles."""
    values = np.interp((np.arange(to) + 0.5) / to, quantiles[0], quantiles[1]).round().astype(int).tolist()
    rnd.shuffle(values)
    return cast(list[int], values)


class Maker:
    """Makes messages. All randomness comes from the one seeded source, in the order of the calls."""

    def __init__(
        self, rnd: random.Random, pools: Pools, seed: int, agent_share: float, screenshot_share: float
    ) -> None:
        self._rnd = rnd
        self._pools = pools
        self._agent_share = agent_share
        self._prompts = _interpolated(rnd, _PROMPT, 1000)
        self._completions = _interpolated(rnd, _COMPLETION, 1000)
        self._tag = f"{(seed * 2654435761 + 97) & 0xFFFFFFFF:08x}"
        self._number = 0
        self._query_keys = 0
        self.planted: dict[str, set[str]] = defaultdict(set)
        self._steps = StepMaker(rnd, pools, screenshot_share, self.planted)

    def thread_id(self, thread: int) -> str:
        """Id of a thread by its number, the same at every call."""
        mixed = mix(thread, int(self._tag, 16))
        head = f"{mixed >> 32:08x}-{(mixed >> 16) & 0xFFFF:04x}-4{mixed & 0xFFF:03x}"
        return f"{head}-8000-{thread:012x}"

    def message(self, slot: Slot, day: str) -> tuple[Json, Facts]:
        """Make one good message (chat spec, section 1) and say what it adds to the tables."""
        rnd, pools = self._rnd, self._pools
        r = rnd.random
        self._number += 1
        number = self._number
        if slot.thread >= 0:
            mixed = mix(slot.thread, 11)
            thread = self.thread_id(slot.thread)
        else:
            mixed = rnd.getrandbits(64)
            thread = ""
        domain = pools.domains[mixed % 7]
        # Squared, so that a few users are seen often and many once.
        user = pools.users[int(((mixed >> 32) / 2**32) ** 2 * len(pools.users))]
        response_kind = r()
        no_response = response_kind < _NO_RESPONSE[0] + _NO_RESPONSE[1] + _NO_RESPONSE[2] + _NO_RESPONSE[3]
        agent = not no_response and r() < self._agent_share / (1 - sum(_NO_RESPONSE))

        private = ""
        if agent:
            query = pools.tasks[domain].pick()
        else:
            u = r()
            if u < _PRIVATE_QUERY:
                kind = "email" if u < _PRIVATE_QUERY / 2 else "phone"
                private = rnd.choice(pools.values[kind])
                self.planted[kind].add(private)
                domain, phrases = rnd.choice(pools.private[kind])
                query = phrases.pick() % private
            elif u < _PRIVATE_QUERY + _HEAD_QUERY:
                domain, query = text.HEAD_QUERIES[int(r() * len(text.HEAD_QUERIES))]
            else:
                query = pools.queries[domain].pick()

        model = "sonar-pro" if r() < 0.98 else rnd.choice(_UNKNOWN_MODELS)
        request, has_query = self._request(query, thread, model, whole=bool(private))
        created = slot.created
        body: Json = {}
        if r() < 0.08:
            body["_id"] = {"$oid": f"{created & 0xFFFFFFFF:08x}{self._tag}{number:08x}"}
        body["@timestamp"] = slot.micros / MICROS
        body["timestamp"] = datetime.fromtimestamp(created, UTC).isoformat()
        body["room_id"] = f"room-{mixed % 97}" if r() < _IN_ROOM else ""
        # Now and then only the request names the thread.
        body["thread_id"] = thread if number % 50 else ""
        body["request_body"] = request

        if no_response:
            response, reason = self._no_response(response_kind)
            body["response_body"] = response
            facts = Facts(day, "failed", reason, False, False, False, 0, 0, (), 0, 0, (), "", has_query)
            return body, facts

        user_id = ""
        status = "completed"
        finish: str | None = "stop"
        state = "COMPLETED"
        results: Any = []
        if agent:
            run = self._steps.agent_run(query, domain, user, number)
            steps, status, typeless, tools = run.steps, run.status, run.typeless, run.tools
            searches, browser, domains = run.web_searches, run.browser_steps, run.domains
            user_id = user[0]
        else:
            steps, typeless, searches, browser, domains = [], 0, 0, 0, ()
            found: list[str] = []
            u = r()
            n = 0
            while u >= _STEPS_PER_RESPONSE[n]:
                n += 1
            for _ in range(n):
                v = r()
                if v < _TYPED_STEP[0]:
                    step, results = self._steps.web_search(query, domain)
                    searches += 1
                elif v < _TYPED_STEP[1]:
                    step, known = self._steps.browser(query, domain, user)
                    user_id = user_id or known
                    browser += 1
                elif v < _TYPED_STEP[2] + _OTHER_TYPED_STEP:
                    step = self._steps.other(query, fetch=v < _TYPED_STEP[2])
                else:
                    steps.append(pools.thoughts[int(r() * len(pools.thoughts))])
                    typeless += 1
                    continue
                steps.append(step)
                found.append(step["type"])
            tools = tuple(found)
            v = r()
            if v < 0.015:
                finish, status = "length", "partial"
            elif v < 0.02:
                finish, state, status = None, "PENDING", "in_progress"
        if not searches and r() >= 25 / 128:
            results = pools.results[domain][min(41, int(r() ** 1.5 * 42))][1]
        answer: Any = pools.answers[int(r() * len(pools.answers))]
        if private:
            answer = f"Noted: {private}. I have used it as you asked."
        response = {
            "id": f"{number:08x}-{self._tag[:4]}-4{self._tag[4:7]}-9000-{created & _LOW_48:012x}",
            "object": "chat.completion.done",
            "created": created if r() >= 0.001 else created + 60,
            "model": model,
            "status": state,
            "type": "end_of_stream",
            "thread_id": thread or None,
            "search_results": results,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "delta": {"role": "assistant", "content": ""},
                    "message": {"role": "assistant", "content": answer, "reasoning_steps": steps},
                }
            ],
        }
        cost = 0
        has_usage = r() >= 0.004
        if has_usage:
            draw = r()
            size = next(s for s in _CONTEXT_SIZES if draw < s[0])
            usage, cost = self.usage(model, size[1], size[2])
            response["usage"] = usage
        body["response_body"] = response
        return body, Facts(
            day,
            status,
            "",
            agent,
            True,
            has_usage,
            cost,
            typeless,
            tools,
            searches,
            browser,
            domains,
            user_id,
            has_query,
        )

    def usage(self, model: str, context_size: str, request_cost: int) -> tuple[Json, int]:
        """Make tokens and costs as reported: parts rounded to 1/1000 dollar, total from the unrounded sum.

        Returns the usage object and its total cost in 1/1000 US dollar (chat spec, section 3, usage_metrics).
        """
        r = self._rnd.random
        prompt = self._prompts[int(r() * 1000)]
        completion = self._completions[int(r() * 1000)]
        per_token = (3e-6, 15e-6) if model == "sonar-pro" else (1e-6, 5e-6)
        exact_in, exact_out = prompt * per_token[0], completion * per_token[1]
        total = round(exact_in + exact_out + request_cost / 1000, 3)
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "search_context_size": context_size,
            "cost": {
                "input_tokens_cost": round(exact_in, 3),
                "output_tokens_cost": round(exact_out, 3),
                "request_cost": request_cost / 1000,
                "total_cost": total,
            },
        }
        return usage, round(total * 1000)

    def _request(self, query: str, thread: str, model: str, *, whole: bool) -> tuple[Json, bool]:
        """Make a request; `whole` keeps the query in one part, as it holds a value to look for later."""
        r = self._rnd.random
        request: Json = {
            "model": model,
            "stream": True,
            "stream_mode": "full",
            "use_threads": bool(thread),
            "thread_id": thread,
            "num_search_results": 3,
            "num_images": 3,
            "has_image_url": False,
            "_debug_pro_search": False,
            "media_response": {"enable_media_classifier": True},
        }
        u = r()
        if u < _SEARCH_TYPE[1]:
            request["web_search_options"] = {"search_type": "auto" if u < _SEARCH_TYPE[0] else "fast"}
        if r() < 0.2:
            request["browser_history"] = self._pools.histories[int(r() * len(self._pools.histories))]
        u = r()
        if u < 0.006:
            request["messages"] = []
            if u < 0.001:
                return request, False
            request[_QUERY_KEYS[self._query_keys % len(_QUERY_KEYS)]] = query
            self._query_keys += 1
            return request, True
        content: Any = query
        if r() < _PARTS:
            content = [{"type": "text", "text": query}]
            v = r()
            if v < 0.1:
                words = query.split()
                middle = len(words) // 2
                if middle and not whole:
                    content = [{"type": "text", "text": " ".join(part)} for part in (words[:middle], words[middle:])]
            elif v < 0.2:
                content.append({"type": "image_url", "image_url": {"url": "https://img.example.com/upload/1.png"}})
                request["has_image_url"] = True
        messages = [{"role": "user", "content": content}]
        v = r()
        if v < 0.03:
            messages.insert(0, {"role": "system", "content": "Answer briefly."})
        elif v < 0.05:
            earlier = [
                {"role": "user", "content": "one more thing"},
                {"role": "assistant", "content": "Of course."},
            ]
            messages = earlier + messages
        request["messages"] = messages
        return request, True

    def _no_response(self, kind: float) -> tuple[Any, str]:
        """Make what stands in for a response; `kind` below the sum of the shares says which."""
        page, packed, empty, _ = _NO_RESPONSE
        if kind < page:
            return _HTML_401, "http_401"
        if kind < page + packed:
            return self._rnd.choice(self._pools.gzip_texts), "undecodable_body"
        if kind < page + packed + empty:
            return "", "empty_body"
        code, reason, message = self._rnd.choice(_ERRORS)
        return {"error": {"code": code, "type": reason, "message": message}}, reason

    def web_search_step(self) -> Json:
        """Make a further search step, as a later version of a message may have one more."""
        return self._steps.web_search("latest figures", "Unknown")[0]
