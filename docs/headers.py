#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Which warnings of Doxygen count: headers.py WARNINGS prints them and exits 1 when there are any. Doxygen gives a comment to the first of
several members declared in one line; the others of that line count as documented with it."""
import re
import sys

MEMBER = re.compile(r"^(.*?):(\d+): warning: Member (\w+).*\(variable\) of struct")


def follows_a_documented_one(path, number, name):
    lines = open(path).read().split("\n")
    line = lines[number - 1]
    declared = re.sub(r"/\*.*", "", line).rstrip(" ;").split(",")
    names = [re.sub(r"\[.*", "", d).strip(" *").split(" ")[-1].strip("*") for d in declared]
    documented = "/**<" in line or lines[number - 2].rstrip().endswith("*/")
    return documented and len(names) > 1 and name in names


def main(path):
    bad = []
    for line in open(path):
        member = MEMBER.match(line)
        if member and follows_a_documented_one(member[1], int(member[2]), member[3]):
            continue
        if "SX_STATUS_ENUM" in line or not line.strip() or line.startswith("  "):
            continue
        bad.append(line)
    sys.stderr.write("".join(bad))
    return 1 if bad else 0


sys.exit(main(sys.argv[1]))
