"""Pages of the built book, opened in Chromium and watched."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DESK = {"width": 1360, "height": 900}


@dataclass
class Visit:
    """An open page and what went wrong on it."""

    page: Any
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """Wait until formulas are set and widgets drawn, then look at the whole page once."""
        self.page.evaluate("() => window.MathJax?.startup?.promise")
        if self.page.locator('script[type="application/vnd.jupyter.widget-view+json"]').count():
            self.page.locator(".widget-subarea > *:not(script)").first.wait_for(timeout=15_000)
        self.page.evaluate("() => window.scrollTo(0, document.body.scrollHeight)")
        self.page.wait_for_timeout(250)


class Visits:
    """`Visits(browser, site)(name, theme=…, viewport=…, base=…)` opens a page and watches what it asks for and says of
    itself, until `close`."""

    def __init__(self, browser: Any, site: Path) -> None:
        self._browser, self._site = browser, site
        self._contexts: list[Any] = []

    def __call__(
        self,
        name: str,
        *,
        theme: str = "light",
        viewport: dict[str, int] = DESK,
        base: str | None = None,
        query: str = "",
    ) -> Visit:
        context = self._browser.new_context(viewport=viewport, color_scheme=theme, reduced_motion="reduce")
        self._contexts.append(context)
        seen = Visit(context.new_page())
        root = base or self._site.as_uri()

        def request(call: Any) -> None:
            if not call.url.startswith((root, "data:", "blob:")):
                seen.outside.append(call.url)

        seen.page.on("request", request)
        seen.page.on("requestfailed", lambda call: seen.errors.append(f"failed: {call.url}"))

        def response(answer: Any) -> None:
            if answer.status >= 400:
                seen.errors.append(f"{answer.status}: {answer.url}")

        seen.page.on("response", response)
        seen.page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.goto(f"{root}/{name}.html{query}")
        return seen

    def close(self) -> None:
        """Close all that were opened."""
        for context in self._contexts:
            context.close()
