"""From MyST to the Markdown that any notebook shows: directives, roles, targets and glued numbers written out.

A page's prose is not lost in its notebook: `{glue:text}` becomes the number, a note a quotation, a figure an embedded
picture, a hidden solution a fold. What has no counterpart keeps its text.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^(?P<indent> *)(?P<mark>`{3,}|:{3,}|~{3,})\{(?P<name>[\w:.+-]+)\}(?P<args>.*)$")
OPTION = re.compile(r"^:([\w-]+):\s*(.*)$")
ROLE = re.compile(r"\{([\w:.+-]+)\}(`+)(.+?)\2", re.DOTALL)
SPAN = re.compile(r"\[([^\]]*)\]\{[.#][^}]*\}")
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)(\{[^}]*\})?")
EMBED = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
}

QUOTED = {
    "note",
    "tip",
    "hint",
    "warning",
    "caution",
    "attention",
    "important",
    "danger",
    "error",
    "seealso",
    "admonition",
    "margin",
    "sidebar",
}
FOLDED = {"dropdown", "toggle", "solution", "solution-start"}
TITLED = {
    "exercise",
    "exercise-start",
    "theorem",
    "definition",
    "algorithm",
    "example",
    "table",
    "list-table",
    "card",
    "grid-item-card",
}
DROPPED = {
    "bibliography",
    "tableofcontents",
    "contents",
    "raw",
    "index",
    "toctree",
    "exercise-end",
    "solution-end",
    "glue:figure",
    "glue",
}
SOURCE = {"code-block", "code", "sourcecode", "literalinclude"}


@dataclass(frozen=True)
class Surroundings:
    """What a text refers to: the folder of its paths, glued values, addresses of other pages, how a citation reads."""

    folder: Path
    glued: Callable[[str], str] = field(default=lambda key: f"({key})")
    page: Callable[[str], str | None] = field(default=lambda target: None)
    cite: Callable[[str], str] = field(default=lambda keys: f"({keys})")


def plain(text: str, around: Surroundings) -> str:
    """`text`, MyST, as plain Markdown.

    >>> print(plain(":::{note}\\nTwo lines,\\nquoted.\\n:::", Surroundings(Path())))
    > **Note.**
    >
    > Two lines,
    > quoted.
    """
    lines, out, i = text.split("\n"), [], 0
    while i < len(lines):
        opening = FENCE.match(lines[i])
        if opening:
            body, i = _body(lines, i + 1, opening["mark"])
            out.append(_directive(opening["name"], opening["args"].strip(), body, around))
        elif re.match(r"^ *(`{3,}|~{3,})", lines[i]):
            body, after = _body(lines, i + 1, lines[i].strip()[:3])
            out += lines[i : min(after, len(lines))]
            i = after
        else:
            out += _line(lines[i])
            i += 1
    return re.sub(r"\n{3,}", "\n\n", _inline("\n".join(out), around)).strip("\n")


def _body(lines: list[str], start: int, mark: str) -> tuple[list[str], int]:
    """The lines up to the fence that closes `mark` (as long or longer, nothing behind it), and the index after it."""
    closing = re.compile(rf"^ *{re.escape(mark[0])}{{{len(mark)},}} *$")
    for end in range(start, len(lines)):
        if closing.match(lines[end]):
            return lines[start:end], end + 1
    return lines[start:], len(lines)


def _line(line: str) -> list[str]:
    """A line outside of directives: none for targets, comments and attributes."""
    if re.match(r"^\([\w:./+-]+\)=\s*$|^% ?|^\{[.#][^}]*\}\s*$", line):
        return []
    return [re.sub(r"^(\$\$)\s*\([\w:.-]+\)\s*$", r"\1", line)]


def _options(body: list[str]) -> tuple[dict[str, str], list[str]]:
    options: dict[str, str] = {}
    if body and body[0].strip() == "---":
        end = next((k for k in range(1, len(body)) if body[k].strip() == "---"), 0)
        options = dict(pair for pair in (_pair(line) for line in body[1:end]) if pair)
        return options, body[end + 1 :]
    while body and (match := OPTION.match(body[0].strip())):
        options[match[1]] = match[2].strip().strip('"')
        body = body[1:]
    return options, body


def _pair(line: str) -> tuple[str, str] | None:
    key, colon, value = line.partition(":")
    return (key.strip(), value.strip().strip('"')) if colon else None


def _directive(name: str, args: str, body: list[str], around: Surroundings) -> str:
    options, content = _options(body)
    if name in DROPPED:
        return ""
    if name in SOURCE:
        return "\n".join([f"```{args}", *content, "```"])
    if name == "math":
        return "\n".join(["$$", *content, "$$"])
    if name in ("figure", "image", "inlinesvg"):
        picture = _picture(options.get("alt", ""), args, around)
        caption = plain("\n".join(content), around).strip()
        return picture + (f"\n\n*{caption}*" if caption else "")
    inner = plain("\n".join(content).strip("\n"), around)
    if name in QUOTED:
        title = args if name in ("admonition", "margin", "sidebar") else name.capitalize()
        text = f"**{title}.**\n\n{inner}" if title else inner
        return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))
    if name in FOLDED:
        title = args if name == "dropdown" and args else "Solution" if name.startswith("solution") else args or "More"
        return f"<details>\n<summary>{title}</summary>\n\n{inner}\n\n</details>"
    if name in TITLED:
        kind = "Exercise" if name.startswith("exercise") else ""
        title = ". ".join(part for part in (kind, args) if part)
        return f"**{title}**\n\n{inner}" if title else inner
    return inner


def _inline(text: str, around: Surroundings) -> str:
    """Roles, spans, links and pictures of `text`, which has no directives left. Code is left alone."""
    parts = re.split(r"(^```.*?^```[^\n]*$)", text, flags=re.DOTALL | re.MULTILINE)
    return "".join(part if part.startswith("```") else _prose(part, around) for part in parts)


def _prose(text: str, around: Surroundings) -> str:
    text = ROLE.sub(lambda m: _role(m[1], m[3], around), text)
    text = IMAGE.sub(lambda m: m[0] if m[2].startswith(("data:", "http")) else _picture(m[1], m[2], around), text)
    text = SPAN.sub(r"\1", text)
    return LINK.sub(lambda m: _link(m[1], m[2], around), text)


def _role(name: str, content: str, around: Surroundings) -> str:
    if name.startswith("glue"):
        return around.glued(content)
    if name.startswith("cite"):
        return around.cite(content)
    if name == "math":
        return f"${content}$"
    if match := re.match(r"^(.*?)\s*<[^>]+>$", content, re.DOTALL):
        return match[1]
    if name in ("doc", "ref", "numref", "eq", "prf:ref"):
        return {"eq": "the equation above"}.get(name, content.replace("-", " ").split("/")[-1])
    return f"`{content}`"


def _link(text: str, target: str, around: Surroundings) -> str:
    if re.match(r"^(https?:|mailto:|data:)", target):
        return f"[{text}]({target})"
    address = around.page(target)
    return f"[{text}]({address})" if address else f"*{text}*"


def _picture(alt: str, path: str, around: Surroundings) -> str:
    file = around.folder / path
    if file.suffix not in EMBED or not file.is_file():
        return f"*({alt})*" if alt else ""
    data = base64.b64encode(file.read_bytes()).decode()
    return f"![{alt.replace(chr(10), ' ')}](data:{EMBED[file.suffix]};base64,{data})"
