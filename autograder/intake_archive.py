"""A zip from strangers: looked through entry by entry, read into memory within limits, never unpacked.

What is wrong with one entry (a link, a password, a path that leads out, a bomb) stays with that entry as a reason; only
what makes the whole file unreadable raises BadArchive.
"""

from __future__ import annotations

import contextlib
import io
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO

from autograder.files import Refused
from autograder.intake import printable

MAX_ENTRIES = 50_000
MAX_DIRECTORY = 16 * 2**20  # bytes of the table of contents
MAX_RATIO = 200  # a notebook full of pictures shrinks by 1 to 20, a bomb by 1000
SMALL = 2**20  # below this size no ratio can hurt
PIECE = 2**20
MAX_PATH = 1000

_UTF8 = 0x800  # the bit that says "this name is UTF-8"
_HEADER = b"PK\x01\x02"


class BadArchive(Exception):
    """A file that is no zip, or one of which nothing can be trusted, with the reason as a sentence."""


@dataclass(frozen=True)
class Entry:
    """One file in the zip. `problem` is set when it must not be read."""

    info: zipfile.ZipInfo
    path: str
    problem: str = ""

    @property
    def parts(self) -> list[str]:
        return [part for part in self.path.split("/") if part]

    @property
    def name(self) -> str:
        return self.parts[-1]


class Archive:
    """A zip that is open for reading."""

    def __init__(self, source: Path | bytes, most: int = MAX_ENTRIES) -> None:
        handle: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        self._file = _Wary(handle)  # type: ignore[arg-type]
        try:
            self._zip = zipfile.ZipFile(self._file)
            infos = self._zip.infolist()
            if len(infos) > most:
                raise BadArchive(f"it has {len(infos)} entries; at most {most} are read")
        except BadArchive:
            self._file.close()
            raise
        except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError, RuntimeError) as error:
            self._file.close()
            raise BadArchive("it is no zip, or a damaged one") from error
        self._file.opening = False
        self.entries = _entries(infos)

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()
        self._file.close()

    def read(self, entry: Entry, limit: int) -> bytes:
        """The entry's bytes; raises Refused with a reason. Memory stays near `limit`, whatever the zip claims."""
        info, name = entry.info, printable(entry.name, 60)
        if entry.problem:
            raise Refused(f"{name} {entry.problem}")
        if info.file_size > limit:
            raise Refused(f"{name} has {info.file_size / 2**20:.1f} MB; at most {limit / 2**20:.0f} MB are read")
        if info.file_size > SMALL and info.file_size > MAX_RATIO * info.compress_size:
            raise Refused(f"{name} is a zip bomb ({info.compress_size} bytes that claim to be {info.file_size})")
        try:
            with self._zip.open(info) as stream:
                data = _bounded(stream, limit)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, struct.error, BadArchive) as error:
            raise Refused(f"{name} is damaged inside the zip") from error
        except (RuntimeError, NotImplementedError) as error:
            raise Refused(f"{name} is packed in a way that is not read") from error
        if len(data) > limit:
            raise Refused(f"{name} has more than the {limit / 2**20:.0f} MB that are read")
        return data


class _Wary(io.BufferedReader):
    """A file that hands out no giant pieces, and names that zipfile can decode while it opens the zip."""

    opening = True

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = MAX_DIRECTORY + 1 if size is None or size < 0 else size
        if wanted > MAX_DIRECTORY + 1:
            raise BadArchive(
                f"its table of contents claims {wanted / 2**20:.0f} MB; expected at most {MAX_DIRECTORY / 2**20:.0f} MB"
            )
        data = super().read(wanted)
        return _decodable(data) if self.opening and data.startswith(_HEADER) else data


def _decodable(directory: bytes) -> bytes:
    """The table of contents in which no name is wrongly called UTF-8: zipfile would give up on the whole zip."""
    data, at = bytearray(directory), 0
    while data[at : at + 4] == _HEADER and at + 46 <= len(data):
        flags, lengths = struct.unpack_from("<H", data, at + 8)[0], struct.unpack_from("<3H", data, at + 28)
        if flags & _UTF8:
            try:
                data[at + 46 : at + 46 + lengths[0]].decode("utf-8")
            except UnicodeDecodeError:
                struct.pack_into("<H", data, at + 8, flags & ~_UTF8)
        at += 46 + sum(lengths)
    return bytes(data)


def _bounded(stream: IO[bytes], limit: int) -> bytes:
    """What comes out of an entry, until it is more than `limit`."""
    pieces, total = [], 0
    while total <= limit and (piece := stream.read(PIECE)):
        pieces.append(piece)
        total += len(piece)
    return b"".join(pieces)


def _entries(infos: Sequence[zipfile.ZipInfo]) -> tuple[Entry, ...]:
    """The files of a zip, folders and the system's own litter left out, each with what speaks against reading it."""
    found = [Entry(info, _path(info)) for info in infos if not info.orig_filename.endswith(("/", "\\"))]
    found = [entry for entry in found if entry.parts and not _litter(entry.parts)]
    names = Counter(entry.path for entry in found)
    shared = _overlapping(infos)
    return tuple(replace(e, problem=_problem(e, names[e.path] > 1, id(e.info) in shared)) for e in found)


def _path(info: zipfile.ZipInfo) -> str:
    """The entry's path as text: many programs write UTF-8 without saying so, Windows ones write backslashes."""
    name = info.orig_filename
    if not info.flag_bits & _UTF8:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _litter(parts: Sequence[str]) -> bool:
    hidden = any(part.startswith(".") and part not in (".", "..") for part in parts)
    return hidden or parts[0] == "__MACOSX" or parts[-1].lower() in ("thumbs.db", "desktop.ini")


def _problem(entry: Entry, twice: bool, shared: bool) -> str:
    info = entry.info
    mode = info.external_attr >> 16
    outside = entry.path.startswith("/") or ".." in entry.parts or entry.path[1:2] == ":"
    if "\0" in entry.path or len(entry.path) > MAX_PATH:
        return "has a name that is no file name"
    if outside:
        return "has a path that leads out of its folder"
    if stat.S_ISLNK(mode):
        return "is a symbolic link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "is not a plain file"
    if info.flag_bits & 0x41:
        return "is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in a way that is not read"
    if twice:
        return "is in the zip twice under one name"
    return "shares its bytes with another file of the zip (a zip bomb)" if shared else ""


def _overlapping(infos: Sequence[zipfile.ZipInfo]) -> set[int]:
    """Entries that lie on top of each other: one small piece of data, counted many times."""
    found: set[int] = set()
    last, end = None, -1
    for info in sorted(infos, key=lambda i: (i.header_offset, i.compress_size)):
        if last is not None and info.header_offset < end:
            found |= {id(last), id(info)}
        if info.header_offset + 30 + info.compress_size > end:
            last, end = info, info.header_offset + 30 + info.compress_size
    return found
