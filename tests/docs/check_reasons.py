#!/usr/bin/env python3
"""Every reason that the code gives must have its row in docs/errors.md, once,
with the same code.

usage: check_reasons.py ROOT

Reasons that come from tables are compared by tests/unit/
test_reasons_documented.c; here are those that stand where they are given.
"""
import pathlib
import re
import sys

GIVEN = re.compile(
    r"cb_status_(?:make|format)\([^\"]*?CB_([A-Z_]+),\s*\"([A-Z][A-Z_]+)\"")
ROW = re.compile(r"^\| `([A-Z_]+)` \| ([A-Z_]+) \|", re.MULTILINE)


def given_in(root):
    """{reason: {(code, file)}} of all that the sources give."""
    found = {}
    for room in ("base", "crpc", "service", "client"):
        for path in sorted((root / room).rglob("*.c")):
            for code, reason in GIVEN.findall(path.read_text()):
                found.setdefault(reason, set()).add(
                    (code, str(path.relative_to(root))))
    return found


def main():
    root = pathlib.Path(sys.argv[1])
    rows = ROW.findall((root / "docs" / "errors.md").read_text())
    codes = dict(rows)
    wrong = [f"{name} has more than one row" for name in codes
             if [r[0] for r in rows].count(name) > 1]
    for reason, places in sorted(given_in(root).items()):
        for code, path in sorted(places):
            if reason not in codes:
                wrong.append(f"{path}: {reason} has no row")
            elif codes[reason] != code:
                wrong.append(f"{path}: {reason} is {code} here and "
                             f"{codes[reason]} in its row")
    print("\n".join(wrong) or f"{len(codes)} reasons")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
