"""The end of keeping data about a student: every trace in a workspace is listed, then removed, then looked for again.

Removed are records, rebuilt copies, feedback, rows of the gradebook and of its copies, lines of logs and decisions,
rows of results and exports; pages that name the student go as a whole, because they can be made again. The instructor's
own files stay, and so does what other students wrote. What lies outside the workspace is not touched.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.database import locate
from autograder.errors import AutograderError
from autograder.files import alone, read_json, write_json, write_text
from autograder.intake import parse_time
from autograder.people_pseudonyms import KEY, key, pseudonym
from autograder.retention_db import Known, delete, is_gradebook, is_sqlite, mentions, scrub, students
from autograder.retention_text import Words, pruned_csv, pruned_json, pruned_lines

KEPT = {"source", "release", ".jail", "nbgrader_config.py", "seeds.json", ".lock", "statistics.json", KEY}
OWNED = ("autograded", "feedback", "submitted")  # OUT/<one of these>/<student>/…
STATISTICS = "statistics.json"
_JOURNALS = ("-wal", "-shm", "-journal")  # SQLite's own, beside a database; deleting rows empties them
FEWEST = 5  # students; statistics of fewer would be about persons
Trace = tuple[Path, str]


@dataclass(frozen=True)
class Who:
    """Whom to forget: named students, everybody, or all whose last submission is older than a moment."""

    students: tuple[str, ...] = ()
    everybody: bool = False
    before: datetime | None = None


@dataclass(frozen=True)
class Plan:
    """What would be removed."""

    students: tuple[str, ...]
    traces: tuple[Trace, ...]
    rows: int  # students with rows in the gradebook
    undated: tuple[str, ...] = ()  # not removed by --before: a time is missing


class Workspace:
    """A workspace with everybody who is known in it."""

    def __init__(self, out: Path, db: str | None = None) -> None:
        if not out.is_dir():
            raise AutograderError(f"there is no workspace at {out}", "give the folder of `grade` with --out")
        self.out = out.resolve()
        self.database = locate(self.out, db)
        there = self.database.file is None or self.database.file.exists()
        self.gradebook = there and is_gradebook(self.database)
        self.people: dict[str, Known] = {k.student: k for k in students(self.database)} if self.gradebook else {}
        self.moments: dict[str, list[datetime | None]] = {
            name: [parse_time(m) if m else None for m in known.moments] for name, known in self.people.items()
        }
        for path in (self.out / "records").rglob("*.json"):
            record = read_json(path)
            if isinstance(record, dict) and isinstance(record.get("student"), str):
                stamp = record.get("timestamp")
                self.moments.setdefault(record["student"], []).append(parse_time(stamp) if stamp else None)
        for folder in OWNED:
            for path in self._folders(folder):
                self.moments.setdefault(path.name, [])
        results = [read_json(path) for path in (self.out / "results").glob("*.json")]
        for result in results:
            for row in result.get("submissions", []) if isinstance(result, dict) else []:
                self.moments.setdefault(str(row.get("student")), [])

    def _folders(self, name: str) -> list[Path]:
        folder = self.out / name
        return [p for p in folder.iterdir() if p.is_dir()] if folder.is_dir() and not folder.is_symlink() else []

    def chosen(self, who: Who) -> tuple[set[str], set[str]]:
        """Those who go, and those of whom --before cannot tell."""
        if who.everybody:
            return set(self.moments), set()
        if who.before is None:
            return set(who.students), set()
        old: set[str] = set()
        undated: set[str] = set()
        for student, moments in self.moments.items():
            known = [moment for moment in moments if moment is not None]
            if not moments or any(moment >= who.before for moment in known):
                continue
            (old if len(known) == len(moments) else undated).add(student)
        return old, undated

    def words(self, gone: set[str]) -> Words:
        """The names of all, and what else those who go are called."""
        aliases = {alias: name for name in gone if name in self.people for alias in self.people[name].aliases}
        if (self.out / KEY).exists():
            secret = key(self.out)
            aliases |= {pseudonym(secret, name): name for name in gone}
        return Words(self.moments, gone, {a: n for a, n in aliases.items() if a not in self.moments})

    def traces(self, words: Words) -> Iterator[Trace]:
        """(path, what happens to it) of everything outside the gradebook that is about those who go."""
        for folder in OWNED:
            for path in self._folders(folder):
                if words.is_gone(path.name):
                    yield path, "folder removed"
        for path in self._files():
            what = self._about(path, words)
            if what:
                yield path, what

    def _files(self) -> Iterator[Path]:
        for root, folders, names in os.walk(self.out):
            here = Path(root)
            top = here == self.out
            folders[:] = sorted(f for f in folders if not (top and (f in KEPT or f in OWNED)))
            for name in sorted(names):
                if not (top and name in KEPT) and here / name != self.database.file and not name.endswith(_JOURNALS):
                    yield here / name

    def _about(self, path: Path, words: Words) -> str:
        """What has to happen to a file: "" for nothing."""
        inner = path.relative_to(self.out).parts[1:]
        if any(words.found_in(part) for part in inner) or (not inner and words.is_gone(path.stem)):
            return "removed"
        if path.is_symlink() or not path.is_file():
            return ""
        if is_sqlite(path):
            rows = mentions(path, words)
            return f"{rows} rows removed" if rows else ""
        text = path.read_text(encoding="utf-8", errors="replace")
        left = self._left(path, text, words)
        return "" if left == text else "removed" if left is None else "lines about them removed"

    def _left(self, path: Path, text: str, words: Words) -> str | None:
        """What stays of a text file; None: nothing."""
        try:
            if path.suffix == ".json":
                return pruned_json(text, words, record=path.is_relative_to(self.out / "records"))
            if path.suffix == ".csv":
                return pruned_csv(text, words)
        except (ValueError, RecursionError):
            return None if words.found_in(text) else text
        if path.suffix in (".jsonl", ".log", ".txt"):
            return pruned_lines(text, words)
        return None if words.found_in(text) else text

    def remove(self, trace: Trace, words: Words) -> None:
        """Do what `traces` has said."""
        path, what = trace
        if path.is_symlink() or what == "removed":
            path.unlink(missing_ok=True)
        elif path.is_dir():
            shutil.rmtree(path)
        elif is_sqlite(path):
            scrub(path, words)
        else:
            left = self._left(path, path.read_text(encoding="utf-8", errors="replace"), words)
            if left is not None:
                write_text(path, left, path.stat().st_mode & 0o777)
            else:
                path.unlink()


def plan(out: Path, who: Who, db: str | None = None) -> Plan:
    """What `forget` would remove; changes nothing."""
    place = Workspace(out, db)
    gone, undated = place.chosen(who)
    found = tuple(place.traces(place.words(gone))) if gone else ()
    rows = len(gone & place.people.keys())
    if who.students and not found and not rows:
        raise AutograderError(
            f"there is no trace of {', '.join(who.students)} in {out}", "is the id spelled as in the gradebook?"
        )
    return Plan(tuple(sorted(gone)), found, rows, tuple(sorted(undated)))


def forget(out: Path, who: Who, db: str | None = None, *, statistics: bool = False) -> tuple[Plan, list[Path]]:
    """Remove it; returns the plan that was carried out and the files in which a name is left (there should be none).

    The gradebook comes last: a run that is stopped midway finds the students again.
    """
    with alone(out):  # a run that grades would write what is removed here
        done = plan(out, who, db)
        place = Workspace(out, db)
        words = place.words(set(done.students))
        if statistics:
            _keep_statistics(place.out, words)
        for trace in done.traces:
            place.remove(trace, words)
        if place.gradebook and done.students:
            delete(place.database, done.students)
        if who.everybody:
            (place.out / KEY).unlink(missing_ok=True)
        left = [path for path, _ in place.traces(words)]
        if place.gradebook and {known.student for known in students(place.database)} & words.gone:
            left.append(place.database.file or Path(place.database.shown))
    return done, left


def _keep_statistics(out: Path, words: Words) -> None:
    """Add numbers about those who go to statistics.json, for lessons where they are at least FEWEST."""
    known = read_json(out / STATISTICS)
    made = known if isinstance(known, list) else []
    for path in sorted((out / "results").glob("*.json")):
        results = read_json(path)
        rows = [r for r in results.get("submissions", []) if words.is_gone(r.get("student"))] if results else []
        if len(rows) >= FEWEST:
            made.append({"lesson": path.stem, "removed": datetime.now(UTC).date().isoformat(), **_numbers(rows)})
    write_json(out / STATISTICS, made, 0o600)


def _numbers(rows: Iterable[dict[str, object]]) -> dict[str, object]:
    shares, verdicts, mistakes, count = Counter[int](), Counter[str](), Counter[str](), 0
    for row in rows:
        count += 1
        score, most = float(str(row["score"] or 0)), float(str(row["max_score"] or 0))
        shares[min(9, int(10 * score / most)) if most else 0] += 1
        exercises = row["exercises"]
        for exercise in exercises if isinstance(exercises, list) else []:
            verdicts[f"{exercise['name']}: {exercise['verdict']}"] += 1
            if exercise.get("mistake"):
                mistakes[f"{exercise['name']}: {exercise['mistake']}"] += 1
    tenths = [shares[i] for i in range(10)]
    return {"students": count, "scores_by_tenths": tenths, "verdicts": dict(verdicts), "mistakes": dict(mistakes)}
