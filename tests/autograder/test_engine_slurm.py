"""The file for --slurm: every mistake with its line, and the job that comes of a right one. No Slurm needed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autograder.cli import main
from autograder.errors import AutograderError
from autograder.run import Options, grade_class
from autograder.slurm_config import EXAMPLE, RULES, read

GOOD = 'jobs: 3\ncores: 4\nmemory: 6GB\nwalltime: "02:30:00"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "slurm.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_is_a_right_file_and_names_every_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["slurm", "example"]) == 0
    printed = capsys.readouterr().out
    assert printed == EXAMPLE
    config = read(write(tmp_path, printed))
    assert (config.jobs, config.cores, config.memory, config.walltime) == (2, 4, "8GB", "01:00:00")
    assert set(RULES) == set(re.findall(r"^(?:# )?([a-z_]+):", EXAMPLE, re.MULTILINE))
    everything = re.sub(r"^# (?=[a-z_]+:|  - )", "", EXAMPLE.split("\n\n", 1)[1], flags=re.MULTILINE)
    assert read(write(tmp_path, everything)).extra == ("--constraint=avx2",)


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        (GOOD + "partion: short\n", 5, "'partion' is no setting"),
        (GOOD.replace("jobs: 3", "jobs: three"), 1, "a whole number from 1"),
        (GOOD.replace("jobs: 3", "jobs: true"), 1, "a whole number from 1"),
        (GOOD.replace("6GB", "6"), 3, "a size like 8GB"),
        (GOOD.replace('"02:30:00"', "12:30:00"), 4, "a time in quotes"),
        (GOOD + "partition: a b; rm\n", 5, "without spaces"),
        (GOOD + "account: $(reboot)\n", 5, "without spaces"),
        (GOOD + "processes: 5\n", 5, "at most cores (4)"),
        (GOOD + "extra: [constraint=avx2]\n", 5, "with -- before it"),
        (GOOD + "wait_minutes: 0\n", 5, "above 0"),
        (GOOD + "prologue: module load x\n", 5, "a list of lines"),
        (GOOD + "jobs: 2\n", 5, "stands there twice"),
        ("jobs: 3\n cores: [\n", 2, "no YAML"),
        ("- jobs\n", 1, "expected lines"),
        (GOOD + "account: !!python/object/apply:os.getcwd []\n", 5, "no YAML"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, expected: str) -> None:
    with pytest.raises(AutograderError) as caught:
        read(write(tmp_path, text))
    assert f"line {line}" in str(caught.value)
    assert expected in str(caught.value)
    assert caught.value.fix


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(AutograderError) as caught:
        read(write(tmp_path, "jobs: 0\nmemory: big\n"))
    for words in ("line 1: jobs is 0", "line 2: memory is 'big'", "cores is missing", "walltime is missing"):
        assert words in str(caught.value)


def test_check_prints_the_job(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    more = "partition: short\naccount: cnn\nprocesses: 2\npython: /shared/bin/python\nextra: [--constraint=avx2]\n"
    path = write(tmp_path, GOOD + more + "prologue: [module load bubblewrap]\nlocal_directory: /scratch\n")
    assert main(["slurm", "check", str(path)]) == 0
    script = capfd.readouterr().out
    for line in ("-p short", "-A cnn", "--cpus-per-task=4", "--mem=6G", "-t 02:30:00", "--constraint=avx2"):
        assert re.search(rf"^#SBATCH {re.escape(line)}$", script, re.MULTILINE), (line, script)
    assert script.index("module load bubblewrap") < script.index("/shared/bin/python -m distributed")
    start = next(line for line in script.split("\n") if "dask_worker" in line)
    for part in ("tls://", "--protocol tls://", "--tls-ca-file", "--tls-cert", "--tls-key", "--nworkers 2"):
        assert part in start
    assert "--nthreads 2" in start
    assert "--local-directory /scratch" in start
    assert "3 such jobs, 6 workers" in script
    assert list(tmp_path.iterdir()) == [path]  # no certificate is left


def test_grade_refuses_a_wrong_file_before_it_writes_anything(tmp_path: Path) -> None:
    folder = tmp_path / "submitted" / "ada" / "01_convolution"
    folder.mkdir(parents=True)
    (folder / "01_convolution.ipynb").write_text("{}")
    lessons = Path(__file__).resolve().parents[2] / "lessons"
    options = Options("01_convolution", tmp_path / "submitted", tmp_path / "out", lessons=lessons)
    fields = {**options.__dict__, "slurm": write(tmp_path, "jobs: 0\n")}
    with pytest.raises(AutograderError, match="line 1: jobs is 0"):
        grade_class(Options(**fields))
    with pytest.raises(AutograderError, match="--dask and --slurm"):
        grade_class(Options(**{**fields, "dask": "tcp://127.0.0.1:1"}))
    assert not (tmp_path / "out" / "gradebook.db").exists()
