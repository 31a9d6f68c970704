"""The second proof: generic mutants are made, killed, and reported when they survive."""

from __future__ import annotations

from autograder import mutants
from autograder.definitions import Code

PART = """\
def f(x, n=3):
    '''Doc with a 7.'''
    ### BEGIN SOLUTION
    if n < 1:
        raise ValueError(f"n is {n + 1}")
    y = g(x, 2)
    return -y * n + 0.5 if n > 1 and not n == 4 else y.max(axis=0)
    ### END SOLUTION
"""


def changes(source: str, parts=frozenset({"f", "g"})) -> set[str]:
    return {mutant.change for mutant in mutants.mutants_of(Code(source, "f"), parts)}


def test_each_kind_of_change_is_made_inside_the_solution_only():
    found = changes(PART)
    assert {"< -> <=", "guard left out", "g left out", "2 -> 3", "minus removed", "* -> /", "+ -> -"} <= found
    assert {
        "0.5 -> 0.75",
        "> -> >=",
        "and -> or",
        "not removed",
        "== -> !=",
        ".max -> .min",
        "0 -> 1",
    } <= found
    # neither the default in the signature nor the text of an error is the learner's
    assert "3 -> 4" not in found and not any("7" in change for change in found - {"0.5 -> 0.75"})


def test_a_mutant_differs_from_the_original_in_one_place():
    made = mutants.mutants_of(Code(PART, "f"))
    assert len({mutant.code.source for mutant in made}) == len(made)
    assert all(mutant.line in PART for mutant in made)


def test_removing_an_operator_removes_it():
    source = "def f(x):\n    ### BEGIN SOLUTION\n    return {}\n    ### END SOLUTION"
    for before, value in (("-x", 3), ("not x", True), ("~x", 3)):
        (mutant,) = mutants.mutants_of(Code(source.format(before), "f"))
        space: dict = {}
        exec(mutant.code.source, space)
        assert space["f"](3) == value


def test_the_miniature_lab_kills_all_and_a_blind_session_not(lab, monkeypatch):
    report = mutants.run_mutants(lab, "rms")
    assert report.total > 3 and report.killed == report.total
    session = mutants.session_of(lab)
    blind = [item for item in session.of("rms") if "empty" in item.name]
    monkeypatch.setattr(session, "of", lambda part: blind)
    report = mutants.run_mutants(lab, "rms")
    assert 0 < report.killed < report.total
    assert len(report.survivors) == report.total - report.killed


def test_a_mutant_that_never_ends_is_killed(lab, monkeypatch):
    endless = Code("def rms(samples):\n    while True: pass", "rms")
    mutant = mutants.Mutant("rms", "", "", endless)
    cells = mutants.code_cells(lab.source)
    reference = vars(mutants.fresh_reference(lab.folder))
    limits = dict.fromkeys(mutants.session_of(lab).of("rms"), 0.2)
    assert mutants._is_killed(lab, mutant, cells, reference, limits, 1)


def test_a_check_of_a_mutant_may_take_many_times_as_long_as_that_of_the_reference():
    assert mutants._limit(0.0) == mutants.MUTANT_SECONDS
    assert mutants._limit(1.0) == mutants.MUTANT_SLOWNESS > 10
