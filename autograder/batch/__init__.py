"""Many submissions at once: graders, a log that loses nothing, one writer to nbgrader's gradebook.

`plan` finds what there is to do, `pool` and `cluster` do it, `log` keeps every finished result before
anything else is told, `gradebook` writes marks from there. `run` joins them.
"""
