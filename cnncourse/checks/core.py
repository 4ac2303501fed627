"""What an exercise is and how an answer to it is judged.

A check touches a student's function only through `call(name, *args, **kwargs)`, so the notebook (which calls it) and
the autograder (which asks a jailed process) share every line of this.

    share = (S + T * S / S_all) / (S_all + T_all)

where S, T are the weights of the passed substantial and trivial cases: a case whose right answer is empty, all zero or
one of the inputs earns points only in the measure in which the others pass. One answer for every case earns nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeAlias

from cnncourse.checks.subject import LocalSubject, Subject
from cnncourse.checks.values import Plain, brief, fresh, is_trivial, matches, plain, unchanged
from cnncourse.checks.where import describe, describe_error

Kind: TypeAlias = Literal["error", "limit", "missing"]
Verdict: TypeAlias = Literal["pass", "fail", "error", "limit", "missing"]
Call: TypeAlias = Callable[..., Any]


class CallError(Exception):
    """What `call` raises when the student's function gave no answer: it raised, ran into a limit, or is not there."""

    def __init__(self, kind: Kind, type_name: str, message: str = "") -> None:
        super().__init__(kind, type_name, message)
        self.kind: Kind = kind
        self.type_name = type_name
        self.message = message


class Fault(Exception):
    """A failure of the machinery between a check and the student's code, which is nobody's mistake."""


@dataclass(frozen=True)
class Case:
    """One call and its weight. `rtol` is relative to the largest expected value; None takes the dtype's default.

    `use(subject, *args, **kwargs)`, where given, works with the function by more than one call: see `checks.subject`.
    """

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    weight: float = 1.0
    rtol: float | None = None
    atol: float | None = None
    use: Callable[..., Any] | None = None

    def answer(self, subject: Subject, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What `subject` makes of this case, given copies of its arguments."""
        return subject(*args, **kwargs) if self.use is None else self.use(subject, *args, **kwargs)


@dataclass(frozen=True)
class Mistake:
    """A named wrong implementation and the sentence that helps. `source` is standalone and defines the exercise."""

    name: str
    function: Callable[..., Any]
    hint: str
    source: str = ""


@dataclass(frozen=True)
class Exercise:
    """One function to write. `forbidden` are dotted names whose use a person should look at."""

    name: str
    points: float
    reference: Callable[..., Any]
    public: Callable[[], list[Case]]
    mistakes: tuple[Mistake, ...]
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """The exercises of a notebook; `withheld` are the modules of cnncourse that are absent while it is graded."""

    name: str
    version: str
    exercises: tuple[Exercise, ...]
    withheld: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()

    def exercise(self, name: str) -> Exercise:
        """The exercise of that name. KeyError names the ones there are."""
        for exercise in self.exercises:
            if exercise.name == name:
                return exercise
        raise KeyError(f"{self.name} has no exercise {name!r}; it has {', '.join(e.name for e in self.exercises)}")


@dataclass(frozen=True)
class Outcome:
    """What one call came to: a plain value, or an error."""

    value: Plain = None
    error: CallError | None = None


@dataclass(frozen=True)
class PreparedMistake:
    """A mistake's answers to the prepared cases."""

    name: str
    hint: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Prepared:
    """Everything about an exercise that does not depend on the student. Plain data: it can be pickled and shared."""

    name: str
    points: float
    cases: tuple[Case, ...]
    expected: tuple[Plain, ...]
    trivial: tuple[bool, ...]
    mistakes: tuple[PreparedMistake, ...]


@dataclass(frozen=True)
class CaseResult:
    """One row of the table. `modified`: the arguments changed in place (seen in the notebook only)."""

    name: str
    passed: bool
    got: str
    expected: str
    detail: str
    weight: float = 1.0
    modified: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExerciseResult:
    """The verdict on one exercise. `hint` holds no value from a case, but may hold a shape: for hidden cases see
    `where.without_sizes`."""

    name: str
    score: float
    max_score: float
    share: float
    verdict: Verdict
    mistake: str | None
    hint: str
    cases: tuple[CaseResult, ...]


def prepare(exercise: Exercise, cases: Sequence[Case]) -> Prepared:
    """Compute the right answer, and every catalogued mistake's answer, to each case, once.

    Raises ValueError if there is no case, a weight is not positive, or the reference itself fails on a case.
    """
    if not cases:
        raise ValueError(f"prepare: no cases for {exercise.name!r}; expected at least one")
    for case in cases:
        if not case.weight > 0:
            raise ValueError(f"prepare: case {case.name!r} has weight {case.weight}; expected a positive number")
    expected = []
    for case in cases:
        outcome = _attempt(exercise.reference, case)
        if outcome.error is not None:
            raise ValueError(f"prepare: the reference of {exercise.name!r} fails on {case.name!r}: {outcome.error}")
        expected.append(outcome.value)
    trivial = [is_trivial(e, (*c.args, *c.kwargs.values())) for c, e in zip(cases, expected, strict=True)]
    mistakes = [
        PreparedMistake(m.name, m.hint, tuple(_attempt(m.function, c) for c in cases)) for m in exercise.mistakes
    ]
    return Prepared(exercise.name, exercise.points, tuple(cases), tuple(expected), tuple(trivial), tuple(mistakes))


def _attempt(function: Callable[..., Any], case: Case) -> Outcome:
    """Call one of our own functions on fresh inputs."""
    try:
        return Outcome(plain(case.answer(LocalSubject(function), fresh(case.args), fresh(dict(case.kwargs)))))
    except Exception as error:
        return Outcome(error=CallError("error", type(error).__name__, str(error)))


def evaluate(prepared: Prepared, call: Call, shown: int | None = None) -> ExerciseResult:
    """Judge a student's function, reached through `call(name, *args, **kwargs)`, and for cases with a `use` through
    `call.subject(name)`.

    A CallError is the student's, and so is what a `use` raises over their answers; any other exception from `call` is
    a fault of the caller and passes through (a subject wraps it in a `Fault`).

    A `call` whose attribute `sends` is true sends copies: no argument can come back changed. Only the first `shown`
    cases get texts for a table (default: all).
    """
    outcomes, modified = [], []
    sends = bool(getattr(call, "sends", False))
    subject: Any = call.subject(prepared.name) if hasattr(call, "subject") else partial(call, prepared.name)
    for case in prepared.cases:
        kept = sends and case.use is None
        args, kwargs = (case.args, case.kwargs) if kept else (fresh(case.args), fresh(dict(case.kwargs)))
        try:
            outcomes.append(Outcome(plain(case.answer(subject, args, kwargs))))
        except CallError as error:
            outcomes.append(Outcome(error=error))
        except Fault as fault:
            raise fault.__cause__ or fault from None
        except Exception as error:
            if case.use is None:
                raise
            outcomes.append(Outcome(error=CallError("error", type(error).__name__, str(error))))
        modified.append(() if sends else _modified(case, args, kwargs))
    passed = [_right(prepared, k, o) for k, o in enumerate(outcomes)]
    constant = _constant(prepared, outcomes)
    share = 0.0 if constant else _share(prepared, passed)
    mistake, hint = _diagnose(prepared, outcomes, passed, constant)
    texts = len(outcomes) if shown is None else shown
    rows = tuple(_row(prepared, k, o, passed[k], modified[k], k < texts) for k, o in enumerate(outcomes))
    verdict = _verdict(share, outcomes)
    return ExerciseResult(prepared.name, prepared.points * share, prepared.points, share, verdict, mistake, hint, rows)


def _modified(case: Case, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    names = [f"argument {k + 1}" for k, (b, a) in enumerate(zip(case.args, args, strict=True)) if not unchanged(b, a)]
    return (*names, *(k for k in case.kwargs if not unchanged(case.kwargs[k], kwargs[k])))


def _right(prepared: Prepared, k: int, outcome: Outcome) -> bool:
    case = prepared.cases[k]
    return outcome.error is None and matches(outcome.value, prepared.expected[k], case.rtol, case.atol)


def _share(prepared: Prepared, passed: Sequence[bool]) -> float:
    if all(passed):
        return 1.0
    weights = [c.weight for c in prepared.cases]
    total = sum(weights)
    substantial = sum(w for w, t in zip(weights, prepared.trivial, strict=True) if not t)
    earned = sum(w for w, t, p in zip(weights, prepared.trivial, passed, strict=True) if p and not t)
    free = sum(w for w, t, p in zip(weights, prepared.trivial, passed, strict=True) if p and t)
    return (earned + free * earned / substantial) / total if substantial else 0.0


def _constant(prepared: Prepared, outcomes: Sequence[Outcome]) -> bool:
    """True if all answers are one and the same although the right ones differ."""
    answered = [k for k, o in enumerate(outcomes) if o.error is None]
    if len(answered) < 2:
        return False
    first, *others = answered
    return all(matches(outcomes[k].value, outcomes[first].value) for k in others) and not all(
        matches(prepared.expected[k], prepared.expected[first]) for k in others
    )


def _verdict(share: float, outcomes: Sequence[Outcome]) -> Verdict:
    if share == 1.0:
        return "pass"
    kinds = {o.error.kind if o.error else None for o in outcomes}
    if None in kinds:
        return "fail"
    return kinds.pop() or "error" if len(kinds) == 1 else "error"


def _diagnose(
    prepared: Prepared, outcomes: Sequence[Outcome], passed: Sequence[bool], constant: bool
) -> tuple[str | None, str]:
    """Name the mistake that explains every failed case, or say where the difference lies."""
    failed = [k for k, p in enumerate(passed) if not p]
    if not failed:
        return None, ""
    everywhere = range(len(outcomes))
    explains = [m for m in prepared.mistakes if all(_same(prepared, m, k, outcomes[k]) for k in failed)]
    consistent = [m for m in explains if all(_same(prepared, m, k, outcomes[k]) for k in everywhere)]
    # An exception has many causes: a mistake is only believed if it explains at least one wrong value.
    if (consistent or explains) and any(outcomes[k].error is None for k in failed):
        named = (consistent or explains)[0]
        return named.name, named.hint
    if constant and any(outcomes[k].error is None and outcomes[k].value is not None for k in failed):
        return None, "The function gives one and the same answer to every case: it does not look at its input."
    k = next((k for k in failed if outcomes[k].error is None), failed[0])
    return None, _hint(prepared, k, outcomes[k])


def _same(prepared: Prepared, mistake: PreparedMistake, k: int, outcome: Outcome) -> bool:
    theirs, case = mistake.outcomes[k], prepared.cases[k]
    if theirs.error is not None or outcome.error is not None:
        return (
            theirs.error is not None
            and outcome.error is not None
            and outcome.error.kind == "error"
            and outcome.error.type_name == theirs.error.type_name
        )
    return matches(outcome.value, theirs.value, case.rtol, case.atol)


def _hint(prepared: Prepared, k: int, outcome: Outcome) -> str:
    if outcome.error is not None:
        return describe_error(outcome.error.kind, outcome.error.type_name)
    case = prepared.cases[k]
    return describe(outcome.value, prepared.expected[k], case.args, case.rtol, case.atol)


def _row(
    prepared: Prepared, k: int, outcome: Outcome, passed: bool, modified: tuple[str, ...], shown: bool
) -> CaseResult:
    case, error = prepared.cases[k], outcome.error
    if not shown:
        return CaseResult(case.name, passed, "", "", "", case.weight, modified)
    got = brief(outcome.value)
    if error is not None:
        got = f"{error.type_name}: {error.message}"[:300] if error.message else error.type_name
    detail = "" if passed else _hint(prepared, k, outcome)
    return CaseResult(case.name, passed, got, brief(prepared.expected[k]), detail, case.weight, modified)
