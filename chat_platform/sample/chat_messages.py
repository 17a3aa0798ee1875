"""Good messages of the chat sample feed, and what each adds to the tables."""

from __future__ import annotations

import gzip
import random
import re
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import numpy as np
import orjson

from chat_platform.sample import chat_text as text
from chat_platform.sample.chat_timeline import MICROS, Slot

Json = dict[str, Any]

_LOW_48 = (1 << 48) - 1

# Shares of messages, from the observed feed unless said otherwise.
_IN_ROOM = 29 / 171
_NO_RESPONSE = (35 / 171, 4 / 171, 3 / 171, 1 / 171)  # 401 page, gzip bytes, empty text, error object
_STEPS_PER_RESPONSE = (33 / 128, 97 / 128, 124 / 128, 126 / 128, 1.0)  # cumulative: 0, 1, 2, 3, 4 steps
_TYPED_STEP = (18 / 128, 22 / 128, 23 / 128)  # cumulative: web_search, browser, fetch_url_content
_OTHER_TYPED_STEP = 0.004  # not observed; keeps step types that have no table of their own in sight
AGENT_SHARE = 0.012  # observed once in 128 usable responses
_AGENT_END = (0.66, 0.84)  # cumulative: completed, failed; the rest just stops
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


class _Phrases:
    """Templates with slots, compiled to a format and its pools."""

    def __init__(self, templates: tuple[str, ...], rnd: random.Random) -> None:
        self._random = rnd.random
        self._compiled = [
            (
                re.sub(r"\{\w+\}", "%s", template),
                tuple(text.SLOTS[s] for s in re.findall(r"\{(\w+)\}", template)),
            )
            for template in templates
        ]

    def pick(self) -> str:
        """Return one sentence."""
        r = self._random
        form, pools = self._compiled[int(r() * len(self._compiled))]
        return form % tuple([pool[int(r() * len(pool))] for pool in pools])


class Pools:
    """Parts that many messages share, built once per feed; large ones already as JSON."""

    def __init__(self, rnd: random.Random, users: int, seed: int) -> None:
        self.domains = tuple(text.QUERIES)
        self.queries = {d: _Phrases(templates, rnd) for d, templates in text.QUERIES.items()}
        self.tasks = {d: _Phrases(templates, rnd) for d, templates in text.TASKS.items()}
        self.private = {
            kind: [(domain, _Phrases((template.replace("%s", "%%s"),), rnd)) for domain, template in templates]
            for kind, templates in text.PRIVATE_QUERIES.items()
        }
        self.values = {
            "email": [f"{a}.{b}@{rnd.choice(text.MAIL_HOSTS)}" for a in text.FIRST_NAMES for b in text.LAST_NAMES],
            "phone": [form.format(k) for form in text.PHONE_FORMATS for k in range(0, 100, 7)],
        }
        self.tokens = [f"sk-smp-{rnd.getrandbits(128):032x}" for _ in range(64)]
        self.cookies = [f"sid={rnd.getrandbits(96):024x}" for _ in range(64)]
        self.users = [
            (
                f"usr-{seed & 0xFFFF:04x}{rnd.getrandbits(32):08x}{n:06x}",
                f"vis-{rnd.getrandbits(64):016x}",
                rnd.choice(text.TIMEZONES),
            )
            for n in range(users)
        ]
        self.results = {d: [self._results(rnd, d, size) for size in _result_sizes(rnd)] for d in self.domains}
        self.answers = [
            orjson.Fragment(orjson.dumps("\n\n".join(rnd.choices(text.ANSWERS, k=rnd.randint(2, 12)))))
            for _ in range(300)
        ]
        self.thoughts = [orjson.Fragment(orjson.dumps({"thought": thought})) for thought in text.THOUGHTS]
        self.histories = [orjson.Fragment(orjson.dumps(self._history(rnd))) for _ in range(60)]
        self.screenshots = [
            orjson.Fragment(orjson.dumps(_base64_like(rnd, rnd.randint(50_000, 200_000)))) for _ in range(6)
        ]
        self.gzip_texts = [
            gzip.compress(orjson.dumps({"id": n, "text": rnd.choice(text.ANSWERS)}), mtime=0).decode("utf-8", "replace")
            for n in range(20)
        ]

    @staticmethod
    def _results(rnd: random.Random, domain: str, size: int) -> tuple[int, orjson.Fragment]:
        results = [
            {
                "title": f"{rnd.choice(text.SLOTS['topic']).capitalize()}, part {n}",
                "url": f"https://www.{rnd.choice(text.SITES[domain])}/r/{rnd.getrandbits(24):06x}",
                "date": f"2025-{rnd.randint(1, 12):02d}-{rnd.randint(1, 28):02d}",
                "snippet": rnd.choice(text.SNIPPETS),
                "source": "web",
            }
            for n in range(size)
        ]
        return size, orjson.Fragment(orjson.dumps(results))

    @staticmethod
    def _history(rnd: random.Random) -> list[Json]:
        return [
            {
                "visit_count": rnd.randint(1, 9),
                "last_visit_ts": 1_767_000_000_000 + rnd.randint(0, 10**8) + 0.5,
                "title": f"A page about {rnd.choice(text.SLOTS['topic'])}",
                "url": f"https://{rnd.choice(text.SITES[rnd.choice(tuple(text.SITES))])}/",
            }
            for _ in range(rnd.randint(1, 3))
        ]


def _result_sizes(rnd: random.Random) -> list[int]:
    """Sizes of result lists: the first 40 are for search steps (3 to 20, median 17), then two long ones."""
    return [min(20, max(3, round(rnd.triangular(3, 23, 19)))) for _ in range(40)] + [
        rnd.randint(21, 106),
        106,
    ]


def _base64_like(rnd: random.Random, size: int) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return "".join(rnd.choices(alphabet, k=size))


def _interpolated(rnd: random.Random, quantiles: tuple[tuple[float, ...], tuple[int, ...]], to: int) -> list[int]:
    """Values to pick from at random so that they have the given quantiles."""
    values = np.interp((np.arange(to) + 0.5) / to, quantiles[0], quantiles[1]).round().astype(int).tolist()
    rnd.shuffle(values)
    return cast(list[int], values)


class _Agent(NamedTuple):
    """One agent run: its steps and what they add to the tables."""

    steps: list[Any]
    status: str
    typeless: int
    tools: tuple[str, ...]
    web_searches: int
    browser_steps: int
    domains: tuple[str, ...]


class Maker:
    """Makes messages. All randomness comes from the one seeded source, in the order of the calls."""

    def __init__(
        self, rnd: random.Random, pools: Pools, seed: int, agent_share: float, screenshot_share: float
    ) -> None:
        self._rnd = rnd
        self._pools = pools
        self._agent_share = agent_share
        self._screenshot_share = screenshot_share
        self._prompts = _interpolated(rnd, _PROMPT, 1000)
        self._completions = _interpolated(rnd, _COMPLETION, 1000)
        self._tag = f"{(seed * 2654435761 + 97) & 0xFFFFFFFF:08x}"
        self._number = 0
        self._query_keys = 0
        self.planted: dict[str, set[str]] = defaultdict(set)

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
            run = self._agent_run(query, domain, user)
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
                    step, results = self._web_search(query, domain)
                    searches += 1
                elif v < _TYPED_STEP[1]:
                    step, known = self._browser_step(query, domain, user)
                    user_id = user_id or known
                    browser += 1
                elif v < _TYPED_STEP[2] + _OTHER_TYPED_STEP:
                    step = self._other_step(query, fetch=v < _TYPED_STEP[2])
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

    def _web_search(self, query: str, domain: str) -> tuple[Json, orjson.Fragment]:
        r = self._rnd.random
        results = self._pools.results[domain][int(r() * 40)][1]
        u = r()
        words = [query, f"{query} review", f"best {query}"][: 3 if u < 10 / 18 else 1 if u < 17 / 18 else 2]
        step = {
            "thought": "Searching the web.",
            "type": "web_search",
            "web_search": {"search_keywords": words, "search_results": results},
        }
        return step, results

    def web_search_step(self) -> Json:
        """Make a further search step, as a later version of a message may have one more."""
        return self._web_search("latest figures", "Unknown")[0]

    def _extra_headers(self, user: tuple[str, str, str] | None) -> str:
        """Make the JSON text that holds the user id, the time zone, and much that must never be stored."""
        rnd = self._rnd
        headers: Json = {"X-Request-ID": None}
        if user is not None:
            token, cookie = rnd.choice(self._pools.tokens), rnd.choice(self._pools.cookies)
            mail = rnd.choice(self._pools.values["email"]) if rnd.random() < 0.2 else None
            headers |= {
                "entry_uuid": f"{rnd.getrandbits(64):016x}",
                "timezone": user[2],
                "internal": False,
                "visitor_id": user[1],
                "user_email": mail,
                "user_id": user[0],
                "secret_headers": {"authorization": f"Bearer {token}", "cookie": cookie},
                "traceparent": f"00-{rnd.getrandbits(64):032x}-01",
            }
            self.planted["token"] |= {token, cookie}
            self.planted["visitor_id"].add(user[1])
            self.planted["user_id"].add(user[0])
            if mail:
                self.planted["email"].add(mail)
        return orjson.dumps(headers).decode()

    def _browser_step(self, query: str, domain: str, user: tuple[str, str, str]) -> tuple[Json, str]:
        """Make a step that uses the browser without an agent, and name the user that it gives away."""
        rnd = self._rnd
        known = rnd.random() < 0.8
        content: Json = {"goal_id": "", "extra_headers": self._extra_headers(user if known else None)}
        if rnd.random() < 0.5:
            kind = "SEARCH_BROWSER"
            content |= {"queries": [query], "max_results": 3, "browser_content_sources": ["OPEN_TAB"]}
        else:
            kind = "BROWSER_OPEN_TAB"
            content["url"] = f"https://{rnd.choice(text.SITES[domain])}/"
        return self._tool_step(kind, content), user[0] if known else ""

    def _tool_step(self, kind: str, content: Json) -> Json:
        uuid = f"{self._rnd.getrandbits(64):016x}"
        tool = {"step_type": kind, "uuid": uuid, "content": content}
        return {"thought": "", "type": "browser_tool_execution", "browser_tool_execution": {"tool": tool}}

    def _other_step(self, query: str, *, fetch: bool) -> Json:
        """Make a step of a type that has no table of its own, known or not."""
        rnd = self._rnd
        page = {"title": "A page", "url": "https://docs.example.org/a", "snippet": rnd.choice(text.SNIPPETS)}
        payloads: list[tuple[str, Json]] = [
            ("fetch_url_content", {"contents": [page | {"source": "web"}]}),
            ("execute_python", {"code": "print(sum(range(10)))", "result": "45"}),
            ("browser_agent", {"result": "done", "url": "https://docs.example.org/b"}),
            ("file_attachment_search", {"attachment_urls": ["https://files.example.org/c.pdf"]}),
            ("memory_recall", {"query": query, "hits": 2}),
        ]
        kind, payload = payloads[0 if fetch else rnd.randint(1, 4)]
        return {"thought": "", "type": kind, kind: payload}

    def _agent_run(self, task: str, domain: str, user: tuple[str, str, str]) -> _Agent:
        """Make the steps of an agent run.

        Steps count as web_automations while the last browser step before them is an ENTROPY_REQUEST (chat
        spec, section 3, tool_usage and classification_target).
        """
        rnd, pools = self._rnd, self._pools
        r = rnd.random
        site = rnd.choice(text.SITES[domain])
        steps: list[Any] = []
        tools: list[str] = []
        domains: list[str] = []
        typeless = searches = browser = 0
        end = r()
        odd = r()
        count = min(40, 2 + int(rnd.expovariate(1 / 6)))

        if r() < 0.5:
            steps.append(rnd.choice(pools.thoughts))
            typeless += 1
        if odd < 0.04:
            # A report of an agent that no step of this message has started.
            steps.append(self._agent_step("", "Still busy with the page", f"https://{site}/"))
            tools.append("agent_progress")
        start = {
            "goal_id": f"g-{self._number}",
            "base_url": "https://agent.example.com",
            "is_mission_control": False,
            "extra_headers": self._extra_headers(user),
            "tasks": [{"uuid": f"t-{self._number}", "task": task, "start_url": f"https://www.{site}/"}],
        }
        steps.append(self._tool_step("ENTROPY_REQUEST", start))
        tools.append("browser_tool_execution")
        browser += 1
        routed = True
        for n in range(count):
            if n == count // 2 and odd >= 0.9:
                if odd >= 0.95:
                    content = {
                        "goal_id": "",
                        "url": f"https://{site}/",
                        "extra_headers": self._extra_headers(None),
                    }
                    steps.append(self._tool_step("BROWSER_OPEN_TAB", content))
                    tools.append("browser_tool_execution")
                    browser += 1
                    routed = False
                else:
                    steps.append(self._web_search(task, domain)[0])
                    tools.append("web_search")
                    searches += 1
            url, host = self._agent_url(site)
            action, thought = "", rnd.choice(text.AGENT_THOUGHTS)
            if n == count - 1:
                if end < _AGENT_END[0]:
                    action, thought = "finished", rnd.choice(text.SUCCEEDED)
                    if r() < 0.1:
                        action = ""
                    elif r() < 0.1:
                        thought = "Everything is done"
                elif end < _AGENT_END[1]:
                    thought = rnd.choice(text.FAILED)
            elif r() < 0.2:
                action = rnd.choice(("click", "scroll", "navigate", "type", "press"))
                if action == "type" and r() < 0.3:
                    mail = rnd.choice(pools.values["email"])
                    self.planted["email"].add(mail)
                    thought = f"Typing {mail} into the form"
                    if url:
                        url = f"https://{site}/login?email={mail}"
                        host = site
            steps.append(self._agent_step(action, thought, url))
            tools.append("agent_progress")
            if routed:
                domains.append(host)
        status = "completed" if end < _AGENT_END[0] else "failed" if end < _AGENT_END[1] else "partial"
        return _Agent(steps, status, typeless, tuple(tools), searches, browser, tuple(domains))

    def _agent_url(self, site: str) -> tuple[str, str]:
        """Return a page address of the site as feeds write it, and its domain_name ("" for none)."""
        r = self._rnd.random
        u = r()
        if u < 0.03:
            return "about:blank", ""
        if u < 0.05:
            return "", ""
        path = text.PATHS[int(r() * len(text.PATHS))]
        if u < 0.45:
            return f"https://www.{site}{path}", site
        if u < 0.5:
            return f"https://{site}:8443{path}", site
        if u < 0.53:
            return f"HTTPS://WWW.{site.upper()}{path}", site
        if u < 0.56:
            return f"http://m.{site}{path}", f"m.{site}"
        return f"https://{site}{path}", site

    def _agent_step(self, action: str, thought: str, url: str) -> Json:
        r = self._rnd.random
        progress: Json = {"action": action} if action or r() < 0.97 else {}
        if url or r() < 0.5:
            progress["url"] = url
        if r() < self._screenshot_share:
            progress["screenshot"] = self._rnd.choice(self._pools.screenshots)
        return {"thought": thought, "type": "agent_progress", "agent_progress": progress}
