"""A bare page around one widget, made from the widget's own state: what a static page holds, without the book."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_PAGE = """<!doctype html>
<html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>{name}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{margin:0;padding:12px;font:17px/1.5 sans-serif;background:{paper}}}
main{{max-width:{column}px;margin:auto}}</style>
<style>{css}</style></head><body><main><div id="widget"></div></main>
<script type="application/json" id="state">{state}</script>
<script>
const values = JSON.parse(document.getElementById("state").textContent), heard = {{}};
window.model = {{
  saved: 0,
  get: (name) => values[name],
  set(name, value) {{
    values[name] = value;
    (heard["change:" + name] || []).slice().forEach((call) => call());
  }},
  save_changes() {{ this.saved += 1; }},
  on(name, call) {{ (heard[name] ||= []).push(call); }},
  listeners: () => Object.values(heard).flat().length,
  off(name, call) {{ heard[name] = (heard[name] || []).filter((other) => other !== call); }},
}};
</script>
<script type="module">
{esm}
window.module = cnnw_default;
window.leave = await cnnw_default.render({{ model: window.model, el: document.getElementById("widget") }});
window.ready = true;
</script></body></html>
"""


def page_of(widget: Any, folder: Path, *, theme: str = "light", column: int = 760) -> Path:
    """Write a page that holds `widget` alone and say where it lies."""
    state = {k: v for k, v in widget.get_state().items() if not k.startswith("_") and k != "layout"}
    esm = str(widget._esm)
    start = "export default {"
    if esm.count(start) != 1:
        raise ValueError("the widget's script has no single 'export default {'")
    text = _PAGE.format(
        theme=theme,
        name=type(widget).__name__,
        column=column,
        paper="#14181e" if theme == "dark" else "#ffffff",
        css=str(widget._css),
        state=json.dumps(state).replace("<", "\\u003c"),
        esm=esm.replace(start, "const cnnw_default = {").replace("</script", "<\\/script"),
    )
    path = folder / f"{type(widget).__name__}-{theme}.html"
    path.write_text(text, encoding="utf-8")
    return path


def embedded_page(widgets: list[Any], folder: Path, loader: Path) -> Path:
    """A page that holds widgets as a built book does: their state, and the book's own copy of the widget loader."""
    from ipywidgets.embed import embed_data

    data = embed_data(views=widgets, drop_defaults=False)
    state = json.dumps(data["manager_state"]).replace("<", "\\u003c")
    kind = "application/vnd.jupyter.widget"
    views = "".join(f'<script type="{kind}-view+json">{json.dumps(view)}</script>' for view in data["view_specs"])
    at = loader.as_uri()
    path = folder / "embedded.html"
    path.write_text(
        f'''<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>Embedded</title>
<script src="{at}/require.js"></script><script>requirejs.config({{baseUrl: "{at}"}})</script>
<script src="{at}/embed-amd.js" data-jupyter-widgets-cdn="{at}/none/"></script></head><body>
<script type="{kind}-state+json">{state}</script>{views}</body></html>''',
        encoding="utf-8",
    )
    return path


class Watched:
    """A page with what went wrong on it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: self.complaints.append(str(e)))
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else self._outside(r.url))

    def _outside(self, url: str) -> None:
        self.complaints.append(f"asked the network for {url}")


@contextmanager
def browser() -> Iterator[Any]:
    """Debian's Chromium under playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        chromium = tool.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            yield chromium
        finally:
            chromium.close()


_to_close: list[Any] = []


def opened(
    chromium: Any,
    path: Path,
    *,
    width: int = 800,
    height: int = 900,
    ready: str = "window.ready === true",
    keep: bool = False,
    **context: Any,
) -> Watched:
    """The page at `path`, the widget drawn. Closed after the test, unless `keep`."""
    window = chromium.new_context(viewport={"width": width, "height": height}, **context)
    if not keep:
        _to_close.append(window)
    watched = Watched(window.new_page())
    watched.page.goto(path.as_uri())
    watched.page.wait_for_function(ready, timeout=20_000)
    return watched


def close_opened() -> None:
    """Close what `opened` opened; a page left open goes on drawing."""
    while _to_close:
        _to_close.pop().close()
