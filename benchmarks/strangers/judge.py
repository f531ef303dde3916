"""What is found when one looks at a case, and whether that is right.

A case is right if every look at it gives what is expected; wrong if one gives anything else; crashed if one
ends in another error than a ValueError, TypeError or LookupError with a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.strangers.case import Case, Word
from elbo_room import Model, compare
from elbo_room.content.fingerprint import fingerprint
from elbo_room.doors.first_look import Remark, check_model
from elbo_room.tables.verdict import USABLE

SENTENCES = (ValueError, TypeError, LookupError)
"""What may be raised, if it says in at least so many words why."""

WORDS = 4

ERRORS, NATS = 4.0, 0.01
"""How far a value may be off: so many of its standard errors, and so many nats more."""


class Finding(NamedTuple):
    """What one look at a case gave.

    Attributes:
        outcome: "right", "wrong" or "crashed".
        found: in one line.
    """

    outcome: str
    found: str


class Refusal(NamedTuple):
    """What a look ended with in the place of a result."""

    text: str
    is_sentence: bool


def try_case(case: Case) -> Finding:
    """Every look at one case: the first that is not right, or what was found last."""
    model = _caught(case.make)
    if isinstance(model, Refusal):
        return _of_refusal(case, model)
    finding = Finding("wrong", "nobody has looked")
    for look in case.looks:
        finding = LOOKS[look](case, model)
        if finding.outcome != "right":
            return Finding(finding.outcome, f"{look}: {finding.found}")
    return finding


def _caught(call: Callable[[], Any]) -> Any:
    """What a call gives, or the `Refusal` that it ends with."""
    try:
        return call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a model may do anything, leave Python too
        text = " ".join(str(error).split())
        clear = isinstance(error, SENTENCES) and len(text.split()) >= WORDS
        return Refusal(f"{type(error).__name__}: {text}", clear)


def _says(case: Case, text: str) -> bool:
    """Whether a text names all that it must."""
    assert isinstance(case.expected, Word)
    must = (*case.expected.says, *case.expected.at)
    return all(word.lower() in text.lower() for word in must)


def _says_or_names_model(case: Case, text: str) -> bool:
    """The same of `compare`, whose user may ask `check` for the rest."""
    assert isinstance(case.expected, Word)
    short = replace(case, expected=replace(case.expected, says=(case.name,)))
    return _says(case, text) or ("check" in case.looks and _says(short, text))


def _of_refusal(case: Case, refusal: Refusal, says: Callable[[Case, str], bool] = _says) -> Finding:
    """Whether a case may end so."""
    if not refusal.is_sentence:
        return Finding("crashed", refusal.text)
    wanted = isinstance(case.expected, Word) and case.expected.word in ("refused", "improper")
    return _judged(wanted and says(case, refusal.text), refusal.text)


def _judged(right: bool, found: str) -> Finding:
    return Finding("right" if right else "wrong", found)


def look_check(case: Case, model: Model) -> Finding:
    """What the first look remarks; it may end in nothing else."""
    remarks = _caught(lambda: list(check_model(model)))
    if isinstance(remarks, Refusal):
        return Finding("crashed", remarks.text)
    wrong = _texts(remarks, "wrong")
    word = case.expected.word if isinstance(case.expected, Word) else ""
    if word in ("refused", "idle", "improper"):
        return _judged(bool(wrong) and _says(case, wrong), wrong or "all is called right")
    if wrong:
        return Finding("wrong", wrong)
    notes = _texts(remarks, "note")
    if word == "flat":
        return _judged("flat" in notes and _says(case, notes), notes or "no note")
    return Finding("right", notes or "no fault")


def _texts(remarks: Sequence[Remark], kind: str) -> str:
    return "; ".join(" ".join(text.split()) for of, text in remarks if of == kind)


def look_run(case: Case, model: Model) -> Finding:
    """What the table of fits says."""
    given = {"budget": "smoke", "seeds": 2, **case.options}
    table = _caught(lambda: compare(model, guides=case.guides(), **given))
    if isinstance(table, Refusal):
        return _of_refusal(case, table, _says_or_names_model)
    if table.empty:
        return Finding("wrong", "a table without rows")
    rows = table[table["status"] == "ok"]
    if not isinstance(case.expected, Word):
        return _value(case, case.expected, table, rows)
    found = _reasons(table)
    named = f"{case.name}: {found}" if "check" in case.looks else found
    right = OF_WORD[case.expected.word](table, rows) and _says_or_names_model(case, named)
    return _judged(right, found)


def _value(case: Case, expected: float, table: pd.DataFrame, rows: pd.DataFrame) -> Finding:
    """Every row has the evidence, within its errors, and no ELBO lies above it."""
    if len(rows) < len(table) or rows["log_evidence"].isna().any():
        return Finding("wrong", _reasons(table))
    found, error = rows.iloc[0][["log_evidence", "log_evidence_se"]].astype(float)
    near = ERRORS * error + NATS
    right = expected - case.below - near < found < expected + near
    bounded = rows["elbo"] <= expected + ERRORS * rows["elbo_se"] + NATS
    return _judged(right and bool(bounded.all()), f"{found:.4f} ± {error:.4f}")


def _reasons(table: pd.DataFrame) -> str:
    """The status, verdict and reason of the first row that is not like a good one."""
    row = table.loc[(table["status"] == "ok").idxmin()]
    return f"{row['status']}, {row['verdict']}: {row['reason']}"


def _refused(table: pd.DataFrame, rows: pd.DataFrame) -> bool:
    """No row has a number, and each says why."""
    return rows.empty and min(len(str(why).split()) for why in table["reason"]) >= WORDS


def _improper(table: pd.DataFrame, rows: pd.DataFrame) -> bool:
    """No reference, so no number that rests on one, and no verdict that praises."""
    silent = rows["log_evidence"].isna() & rows["kl_guide_posterior"].isna()
    return bool(silent.all()) and not rows["verdict"].isin(USABLE).any()


def _flat(table: pd.DataFrame, rows: pd.DataFrame) -> bool:
    """KLs without an evidence, which is said."""
    known = rows["log_evidence"].isna() & rows["kl_guide_posterior"].map(math.isfinite)
    return len(rows) == len(table) and bool(known.all()) and "flat" in _reasons(table)


def _no_reference(table: pd.DataFrame, rows: pd.DataFrame) -> bool:
    return len(rows) == len(table) and bool((rows["verdict"] == "no_reference").all())


def _unsuited(table: pd.DataFrame, rows: pd.DataFrame) -> bool:
    return bool((table["status"] == "unsuited").all())


def _idle(table: pd.DataFrame, rows: pd.DataFrame) -> bool:
    """It runs all the same."""
    return len(rows) == len(table)


OF_WORD = {
    "refused": _refused,
    "improper": _improper,
    "flat": _flat,
    "no_reference": _no_reference,
    "unsuited": _unsuited,
    "idle": _idle,
}
"""What the table of fits must be like, by the word: (all rows, those with numbers) -> whether it is."""


def look_key(case: Case, model: Model) -> Finding:
    """Whether a later run knows the model again, and one with another value not; or a refusal by name."""
    key = _caught(lambda: fingerprint(model))
    if isinstance(key, Refusal):
        return _of_refusal(case, key)
    if isinstance(case.expected, Word):
        return Finding("wrong", "it has a key")
    if fingerprint(case.make()) != key:
        return Finding("wrong", "made again, it has another key")
    if case.edited is not None and key == fingerprint(replace(model, data=case.edited())):
        return Finding("wrong", "with another value it has the same key")
    return Finding("right", key)


LOOKS = {"check": look_check, "key": look_key, "run": look_run}
