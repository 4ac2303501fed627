"""A database that cannot be used says why and what to do, never a password; older gradebooks are brought up to date."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from store_helpers import NAME, lesson, record, tables

from autograder import backups
from autograder.cli import main
from autograder.database import Database, head, locate, look
from autograder.database_words import explain
from autograder.errors import AutograderError
from autograder.store import Store, hand_grades, open_gradebook, write_workspace
from autograder.upgrades import upgrade

SECRET = "sesame/opens%it"
QUOTED = "sesame%2Fopens%25it"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A workspace with a gradebook of one student."""
    folder = tmp_path / "out"
    folder.mkdir()
    with Store(folder, lesson(tmp_path)) as store:
        store.save(record("ada"))
    return folder


def older(out: Path) -> Path:
    """Make the gradebook what nbgrader was before courses: its schema 282d30a0218e."""
    path = out / "gradebook.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript("""
            CREATE TABLE old (id VARCHAR(32) NOT NULL, name VARCHAR(128) NOT NULL, duedate DATETIME, PRIMARY KEY (id),
                              UNIQUE (name));
            INSERT INTO old SELECT id, name, duedate FROM assignment;
            DROP TABLE assignment; ALTER TABLE old RENAME TO assignment; DROP TABLE course;
            UPDATE alembic_version SET version_num = '282d30a0218e';""")
    return path


URLS = {
    "not a url": ("postgresql//me:{0}@host/db", "no database URL"),
    "nor this": ("{0}", "no database URL"),
    "port": ("postgresql://me:{0}@host:port/db", "no database URL"),
    "another database": ("mysql://me:{0}@host/db", "SQLite or PostgreSQL"),
    "unknown driver": ("postgresql+nonsense://me:{0}@host/db", "driver nonsense is not installed"),
    "missing driver": ("postgresql+pg8000://me:{0}@host/db", "driver pg8000 is not installed"),
    "no server": ("postgresql://me:{0}@127.0.0.1:1/db", "no server answers there"),
    "no socket": ("postgresql://me:{0}@/db?host=/nonexistent", "no server answers there"),
    "password in the query": ("postgresql://me@127.0.0.1:1/db?password={0}", "no server answers there"),
    "no host": ("postgresql://me:{0}@host.invalid/db", "no such host"),
    "in memory": ("sqlite://", "names no file"),
    "options": ("sqlite:///file:x.db?mode=ro&uri=true", "only a plain path"),
    "no folder": ("sqlite:////nonexistent/x/gradebook.db", "no folder /nonexistent/x"),
    "a folder": ("sqlite:///{1}", "is a folder"),
    "a device": ("sqlite:////dev/null", "not a plain file"),
    "a text": ("sqlite:///{1}/note.txt", "not a SQLite database"),
    "a damaged file": ("sqlite:///{1}/damaged.db", "file is damaged"),
    "tables of others": ("sqlite:///{1}/other.db", "tables of something else"),
    "no gradebook": ("sqlite:///{1}/new.db", "there is no gradebook at"),
}


@pytest.mark.parametrize("case", URLS)
def test_each_bad_database_gets_its_own_words(case: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "note.txt").write_text("The grades are on paper, in the drawer on the left.")
    (tmp_path / "damaged.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    url, said = URLS[case]
    before = sorted(tmp_path.iterdir())
    assert main(["db", "check", "--out", str(tmp_path), "--db", url.format(QUOTED, tmp_path)]) == 2
    printed = capfd.readouterr()
    assert said in printed.err
    assert "→" in printed.err
    assert "nbgrader" not in printed.err
    assert "sesame" not in printed.out + printed.err
    assert sorted(tmp_path.iterdir()) == before  # looking makes nothing


def test_plain_postgresql_means_the_driver_that_is_installed(tmp_path: Path) -> None:
    for form in ("postgresql", "postgres", "postgresql+psycopg"):
        database = locate(tmp_path, f"{form}://me:{QUOTED}@host/db?sslmode=require")
        assert database.url.drivername == "postgresql+psycopg"
        assert database.url.password == SECRET
        assert database.url.query["sslmode"] == "require"
        assert database.shown == "postgresql://me:***@host/db"


def test_a_url_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    url = f"postgresql://me:{QUOTED}@127.0.0.1:1/db"
    monkeypatch.setenv("COURSE_DB", f" {url}\n")
    assert locate(tmp_path, "env:COURSE_DB") == locate(tmp_path, url)
    assert main(["db", "check", "--out", str(tmp_path), "--db", "env:COURSE_DB"]) == 2
    printed = capfd.readouterr()
    assert "no server answers there" in printed.err
    assert "sesame" not in printed.out + printed.err
    monkeypatch.setenv("COURSE_DB", "env:COURSE_DB")  # no second look
    for name, said in (("COURSE_DB", "no database URL"), ("OTHER_DB", "no such environment variable"), ("", "no name")):
        assert main(["db", "check", "--out", str(tmp_path), "--db", f"env:{name}"]) == 2
        assert said in capfd.readouterr().err


def test_errors_of_libraries_are_repeated_without_the_password(tmp_path: Path) -> None:
    database = locate(tmp_path, f"postgresql://me:{QUOTED}@host/db")
    message = f"cannot connect to me:{SECRET}@host nor to me:{QUOTED}@host"
    assert database.masked(message) == "cannot connect to me:***@host nor to me:***@host"
    assert "sesame" not in repr(explain(database.masked(message), None))


def test_a_relative_file_is_the_same_for_nbgrader_in_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate(tmp_path / "out", "sqlite:///grades.db").file == tmp_path / "grades.db"


def test_the_password_goes_to_nbgraders_configuration_only(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    write_workspace(out, lesson(tmp_path), tmp_path / "submitted", f"postgresql://me:{QUOTED}@host/db")
    said = capfd.readouterr().err
    assert "holds the database's password" in said
    assert "sesame" not in said
    holding = [path for path in out.rglob("*") if path.is_file() and b"sesame" in path.read_bytes()]
    assert holding == [out / "nbgrader_config.py"]
    assert holding[0].stat().st_mode & 0o077 == 0
    write_workspace(out, lesson(tmp_path), tmp_path / "submitted", "postgresql://me@host/db")
    assert capfd.readouterr().err == ""


def test_a_locked_gradebook_says_so(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.store.WAIT", 100)
    with Store(out, lesson(out.parent)) as store, closing(sqlite3.connect(out / "gradebook.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AutograderError, match="another program is writing"):
            store.save(record("bo"))
        other.rollback()
        store.save(record("bo"))
        assert store.students() == {"ada", "bo"}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that other users may enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="gradebook-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_gradebook_that_may_only_be_read_says_so_before_grading(open_folder: Path) -> None:
    """As a user without rights: root may write everything."""
    out, mine = open_folder / "out", open_folder / "mine"
    out.mkdir()
    mine.mkdir()
    with Store(out, lesson(open_folder)) as store:
        store.save(record("ada"))
    (out / "gradebook.db").chmod(0o444)
    mine.chmod(0o777)
    out.chmod(0o555)
    python = [sys.executable]
    if os.geteuid() == 0:
        python = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *python]
        if shutil.which("setpriv") is None or subprocess.run([*python, "-c", ""], check=False).returncode:
            pytest.skip("this Python cannot be run as another user, and root may write every file")
    code = "from pathlib import Path; import sys; sys.path.insert(0, sys.argv[1]); import store_helpers as h\n"
    code += "from autograder.store import Store; Store(Path(sys.argv[2]), h.lesson(Path(sys.argv[3])))"
    command = [*python, "-c", code, str(Path(__file__).parent), str(out), str(mine)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "AutograderError" in done.stderr, done.stderr
    assert "may be read but not written" in done.stderr


def test_an_older_gradebook_is_left_alone_until_it_is_upgraded(out: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with open_gradebook(out) as gradebook:
        gradebook.find_grade("check_part0", NAME, NAME, "ada").manual_score = 0.25
        gradebook.db.commit()
    path = older(out)
    before = path.read_bytes()
    for action in (lambda: Store(out, lesson(out.parent)), lambda: hand_grades(out, NAME)):
        with pytest.raises(AutograderError, match=r"older nbgrader.*282d30a0218e") as stopped:
            action()
        assert stopped.value.fix == f"autograder db upgrade --out {out}"
    assert path.read_bytes() == before
    code = main(["db", "upgrade", "--out", str(out)])
    printed = capfd.readouterr()
    (kept,) = backups.copies(path)
    with closing(sqlite3.connect(kept)) as old:
        assert old.execute("SELECT version_num FROM alembic_version").fetchone() == ("282d30a0218e",)
    if code == 0:
        assert str(kept) in printed.out
        assert look(locate(out)).version == head()
        assert hand_grades(out, NAME)["ada"]["check_part0"]["score"] == 0.25
    else:  # nbgrader's migration itself fails: nothing may be lost by that
        assert path.read_bytes() == before
        assert "failed" in printed.err
    assert not list(out.glob(".gradebook*"))


def test_a_gradebook_without_its_number_gets_it(out: Path) -> None:
    """nbgrader that is killed while it makes a gradebook leaves one like this."""
    path = out / "gradebook.db"
    before = tables(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as db:
        db.executescript("DROP TABLE alembic_version")
    assert look(locate(out)).kind == "older"
    upgrade(locate(out))
    assert tables(f"sqlite:///{path}") == before


def test_a_failed_upgrade_changes_nothing(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = older(out)
    with closing(sqlite3.connect(path)) as db:
        db.executescript("UPDATE alembic_version SET version_num = '724cde206c17'")  # a lie: migrations will fail
    before = path.read_bytes()
    with pytest.raises(AutograderError, match="upgrade"):
        upgrade(locate(out))
    assert path.read_bytes() == before
    assert len(backups.copies(path)) == 1


def test_a_newer_gradebook_and_one_of_today_are_not_upgraded(out: Path) -> None:
    with pytest.raises(AutograderError, match="up to date"):
        upgrade(locate(out))
    with closing(sqlite3.connect(out / "gradebook.db")) as db:
        db.executescript("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(AutograderError, match="newer nbgrader"):
        Store(out, lesson(out.parent))
    with pytest.raises(AutograderError, match="newer nbgrader"):
        upgrade(locate(out))


def test_copies_are_whole_and_the_last_few_stay(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = out / "gradebook.db"
    rescue = backups.backup(path, backups.UPGRADE)
    for _ in range(4):
        assert main(["db", "backup", "--out", str(out), "--keep", "3"]) == 0
    found = backups.copies(path)
    assert len(found) == 4
    assert rescue in found
    assert str(found[-1]) in capsys.readouterr().out
    assert tables(f"sqlite:///{found[-1]}") == tables(f"sqlite:///{path}")
    assert main(["db", "backup", "--out", str(out), "--keep", "0"]) == 2


def test_a_damaged_gradebook_is_not_copied_over_good_copies(out: Path) -> None:
    path = out / "gradebook.db"
    good = backups.backup(path, "test")
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\xff" * 4096
    path.write_bytes(bytes(data))
    with pytest.raises(AutograderError, match="without one nothing is changed"):
        backups.backup(path, "test")
    assert backups.copies(path) == [good]
    assert not list((out / "backups").glob("*.part"))


def test_check_says_what_is_there(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["db", "check", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "1 lessons, 1 students, 1 submissions, 10 grades" in printed
    assert head() in printed


def test_making_a_gradebook_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle, the next run starts with none, not with half of one."""
    monkeypatch.setattr("autograder.database.head", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Store(tmp_path, lesson(tmp_path))
    monkeypatch.undo()
    assert look(Database(locate(tmp_path).url)).kind == "none"
    with Store(tmp_path, lesson(tmp_path)) as store:
        store.save(record("ada"))
