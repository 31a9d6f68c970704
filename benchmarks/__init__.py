"""Speed against the well-known libraries, and what the engine itself costs: `python -m benchmarks`.

A benchmark is a module with `ABOUT` (what is compared, for people) and `run(quick) -> list[Row]`. To
add one, name it in `benchmarks.suite`.
"""
