#!/usr/bin/env python3
"""docs/operations.md must list the families that are on the page of metrics:
the same names and types, in the same order.

usage: check_metrics.py PAGE OPERATIONS.MD

The page is the one that tests/unit/test_metrics_page.c holds the code to.
"""
import pathlib
import re
import sys

ON_PAGE = re.compile(r"^# TYPE (\S+) (\S+)$", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| (counter|gauge) \|", re.MULTILINE)


def main():
    page, operations = (pathlib.Path(path).read_text() for path in sys.argv[1:])
    there, written = ON_PAGE.findall(page), ROW.findall(operations)
    if len(there) < 20:
        sys.exit(f"the page has only {len(there)} families; is it read right?")
    for family in there:
        if family not in written:
            sys.exit("no row for the %s %s" % (family[1], family[0]))
    if there != written:
        sys.exit("rows differ from the page:\n  page: %s\n  rows: %s" % (
            " ".join(name for name, _ in there),
            " ".join(name for name, _ in written)))
    print(f"{len(there)} families agree")


if __name__ == "__main__":
    main()
