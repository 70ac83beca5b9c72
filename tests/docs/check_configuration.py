#!/usr/bin/env python3
"""docs/configuration.md must say what `vertexd --help` says: the same flags,
defaults and variables, in the same order.

usage: check_configuration.py VERTEXD CONFIGURATION.MD
"""
import re
import subprocess
import sys


def from_help(text):
    """[(flag, default or '', [variables])] as the help text has them."""
    found = []
    for line in text.splitlines():
        flag = re.match(r"  --([a-z-]+)(?: [A-Z][^ ]*)?(?:  \((.*)\))?$", line)
        if flag:
            found.append((flag.group(1), flag.group(2) or "", []))
        variables = re.match(r"      \[(.*)\]$", line)
        if variables:
            found[-1][2].extend(variables.group(1).split(", "))
    return found


def from_page(text):
    """The same, from the rows of the page's table."""
    found = []
    for line in text.splitlines():
        row = re.match(r"\| `--([a-z-]+)[^`]*` \|([^|]*)\|([^|]*)\|", line)
        if row:
            names = re.findall(r"`([A-Z_]+)`", row.group(3))
            found.append((row.group(1), row.group(2).strip(), names))
    return found


# What the page says where there is no default value to show.
WORDS = {"none", "false", "", "Google's", "the system's", "half of the memory",
         "as `--max-in-flight`", "as `--client-certificate`"}


def main():
    program, page = sys.argv[1:3]
    shown = subprocess.run([program, "--help"], capture_output=True, text=True,
                           check=True, timeout=20).stdout
    helped = from_help(shown)
    with open(page, encoding="utf-8") as file:
        written = from_page(file.read())
    if len(helped) < 15:
        sys.exit(f"--help lists only {len(helped)} flags; is it read right?")
    if [flag for flag, _, _ in helped] != [flag for flag, _, _ in written]:
        sys.exit("flags differ:\n  --help: %s\n  page:   %s" % (
            " ".join(f for f, _, _ in helped),
            " ".join(f for f, _, _ in written)))
    for (flag, default, names), (_, said, variables) in zip(helped, written):
        if names != variables:
            sys.exit(f"--{flag}: variables {names} in --help, "
                     f"{variables} on the page")
        if default != said and not (default == "" and said in WORDS):
            sys.exit(f"--{flag}: default {default!r} in --help, "
                     f"{said!r} on the page")
    print(f"{len(helped)} flags agree")


if __name__ == "__main__":
    main()
