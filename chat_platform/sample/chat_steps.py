"""Reasoning steps of the chat sample feed (chat spec, section 1)."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import orjson

from chat_platform.sample import chat_text as text
from chat_platform.sample.chat_pools import Json, Pools

_AGENT_END = (0.66, 0.84)  # cumulative: completed, failed; the rest just stops


class AgentRun(NamedTuple):
    """One agent run: its steps and what they add to the tables."""

    steps: list[Any]
    status: str
    typeless: int
    tools: tuple[str, ...]
    web_searches: int
    browser_steps: int
    domains: tuple[str, ...]


class StepMaker:
    """Makes steps. Randomness comes from the source of the messages; values to look for later go to `planted`."""

    def __init__(self, rnd: random.Random, pools: Pools, screenshot_share: float, planted: dict[str, set[str]]) -> None:
        self._rnd = rnd
        self._pools = pools
        self._screenshot_share = screenshot_share
        self.planted = planted

    def web_search(self, query: str, domain: str) -> tuple[Json, orjson.Fragment]:
        """Make a search step, and give the results in it."""
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

    def browser(self, query: str, domain: str, user: tuple[str, str, str]) -> tuple[Json, str]:
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

    def other(self, query: str, *, fetch: bool) -> Json:
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

    def agent_run(self, task: str, domain: str, user: tuple[str, str, str], number: int) -> AgentRun:
        """Make the steps of an agent run in the message of that number.

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
            "goal_id": f"g-{number}",
            "base_url": "https://agent.example.com",
            "is_mission_control": False,
            "extra_headers": self._extra_headers(user),
            "tasks": [{"uuid": f"t-{number}", "task": task, "start_url": f"https://www.{site}/"}],
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
                    steps.append(self.web_search(task, domain)[0])
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
        return AgentRun(steps, status, typeless, tuple(tools), searches, browser, tuple(domains))

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
