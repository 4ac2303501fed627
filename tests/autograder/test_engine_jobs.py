"""What a death costs: the submission at work one attempt, the next one nothing, a machine on which all die the run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.engine_jobs import ATTEMPTS, MAX_DEATHS, Job, Jobs
from autograder.errors import AutograderError
from autograder.grade import Kit
from autograder.intake import Submission
from autograder.lessons import LessonSource


def hopeless(deaths: int) -> AutograderError:
    return AutograderError(f"{deaths} in a row", "look")


def submissions(number: int) -> Iterator[Submission]:
    return (Submission(f"student{i}", b"{}") for i in range(number))


@pytest.fixture
def kit(source: LessonSource, tmp_path: Path) -> Kit:
    return Kit(source, (), (), (), tmp_path)


def names(jobs: list[Job]) -> list[str]:
    return [job.submission.student for job in jobs]


def test_no_more_is_taken_than_is_asked_for(kit: Kit) -> None:
    source = submissions(5)
    jobs = Jobs(kit, source, hopeless)
    assert jobs.stock() == 1
    assert jobs.stock(2) == 2
    assert next(source).student == "student2"
    assert names([jobs.take(), jobs.take()]) == ["student0", "student1"]
    assert jobs.stock(9) == 2
    assert jobs.next_bytes == len(jobs.take().message)


def test_who_was_at_work_is_tried_again_last_and_who_waited_first(kit: Kit) -> None:
    jobs = Jobs(kit, submissions(4), hopeless)
    jobs.stock(4)
    held = [jobs.take(), jobs.take()]
    assert jobs.lost(held) == []
    order = [jobs.take() for _ in range(4)]
    assert names(order) == ["student1", "student2", "student3", "student0"]
    assert [job.attempt for job in order] == [1, 1, 1, 2]
    assert jobs.lost([]) == []  # an idle worker has nothing to give back
    assert jobs.stock() == 0


def test_after_the_last_attempt_a_person_has_to_look(kit: Kit) -> None:
    jobs = Jobs(kit, submissions(1), hopeless)
    for _ in range(ATTEMPTS - 1):
        jobs.stock()
        assert jobs.lost([jobs.take()]) == []
    jobs.stock()
    (record,) = jobs.lost([jobs.take()])
    assert (record["student"], record["status"], record["passing"]) == ("student0", "needs_person", True)
    assert "died twice" in record["reason"]
    assert jobs.stock() == 0


def test_a_machine_on_which_all_die_says_so_and_one_result_is_enough_to_go_on(kit: Kit) -> None:
    jobs = Jobs(kit, (), hopeless)
    for _ in range(3):
        for _ in range(MAX_DEATHS - 1):
            jobs.lost([])
        jobs.done()
    for _ in range(MAX_DEATHS - 1):
        jobs.lost([])
    with pytest.raises(AutograderError, match=f"{MAX_DEATHS} in a row"):
        jobs.lost([])
