"""nbgrader's formgrader, started for real in the workspace: it opens the class, and no student's script acts in it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest
from grading_helpers import LESSON, Graded

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
TOKEN = "formgrader-test"


def fetch(port: int, path: str) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.read().decode())


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        assert process.poll() is None, "the server ended"
        try:
            fetch(port, "/api/status")
        except (URLError, OSError):
            time.sleep(0.5)
        else:
            return
    raise AssertionError("the server does not answer")


def test_formgrader_opens_every_kind_of_submission(graded: Graded, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", f"--port={port}"]
    command += ["--ip=127.0.0.1", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={graded.out}"]
    command += ["--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}"]
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(command, cwd=graded.out, stdout=log, stderr=log)
    try:
        wait_for(port, process)
        found = json.loads(fetch(port, f"/formgrader/api/submissions/{LESSON}"))
        assert {row["student"] for row in found} == set(graded.rows)
        notebooks = json.loads(fetch(port, f"/formgrader/api/submitted_notebooks/{LESSON}/{LESSON}"))
        ids = {row["student"]: row["id"] for row in notebooks}
        assert set(ids) == set(graded.rows)
        for name in (graded.of_kind("right")[0], graded.of_kind("attack")[0], graded.of_kind("damage")[0]):
            page = fetch(port, f"/formgrader/submissions/{ids[name]}/")
            assert "points" in page
            assert "<script>alert" not in page
    finally:
        process.terminate()
        process.wait(30)
        log.close()
