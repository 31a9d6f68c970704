"""The command line: `make bench`, or `python -m benchmarks [NAME]… [--quick] [--write-docs]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import machine
from benchmarks.suite import BENCHMARKS, run

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "latest.json"
PAGE = ROOT / "docs" / "benchmarks.md"


def main(arguments: list[str] | None = None) -> int:
    """Run benchmarks and show them. A goal that is missed is shown; it is no failure of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Speed against the well-known libraries."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; all if none is given"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small and few: shows that it works, not how fast"
    )
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the results go")
    parser.add_argument("--write-docs", action="store_true", help="write them into docs/benchmarks.md too")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if options.write_docs and options.quick:
        parser.error("--write-docs needs benchmarks at full length: leave out --quick")

    machine.one_thread()  # before anything imports numpy
    from rich.console import Console

    from benchmarks import report

    out = Console()
    at_load = machine.load()
    if machine.is_busy(at_load):
        busy = f"load {at_load:.1f} on {machine.cores()} cores"
        out.print(f"[yellow]The machine is busy ({busy}): figures say little.")
    results = run(options.names or BENCHMARKS, options.quick, lambda name: out.print(f"[dim]{name} …"))
    for name, entry in results["benchmarks"].items():
        out.print(report.table(name, entry["rows"]), "")
    out.print(report.conditions(results), highlight=False)
    if options.quick:
        out.print("[yellow]--quick: too small and too few to say how fast anything is.")
    report.write_json(results, options.json)
    out.print(f"[dim]{options.json}", soft_wrap=True, highlight=False)
    if options.write_docs:
        report.write_page(results, PAGE)
        out.print(f"[dim]{PAGE}", soft_wrap=True, highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
