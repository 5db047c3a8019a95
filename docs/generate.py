#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of the documentation, from the program itself: field tables, operations, outputs, steppers, model x task.
Usage: generate.py BUILD OUT   (BUILD holds the libraries; OUT receives *.md)"""
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("SX_SOURCE", os.path.dirname(HERE))


def compiled(build, source, arguments, definitions=()):
    """Compile one C file against the built libraries, run it, return what it prints."""
    with tempfile.TemporaryDirectory() as directory:
        program = os.path.join(directory, "program")
        subprocess.run([os.environ.get("CC", "gcc"), "-std=c11", "-D_GNU_SOURCE", *definitions, "-I", os.path.join(ROOT, "include"), source,
                        "-o", program, "-L", build, "-lseparatrix-io", "-lseparatrix", "-lm", "-Wl,-rpath," + os.path.abspath(build)], check=True)
        return subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE).stdout.decode()


def cell(text):
    return (text or "").replace("|", "\\|").replace("\n", " ").replace("*", "\\*").replace("<", "&lt;")


def code(text):
    return "`" + text.replace("|", "\\|") + "`" if text else ""


def is_number(text):
    try:
        float(text)
        return True
    except ValueError:
        return False


def default_of(f):
    d = f["default"]
    if f["required"]:
        return "required"
    if d is None or d == "nan":
        return "absent"
    # a default outside of its own range stands for "not given"
    low = re.search(r"in ([\[(])([^,]+),", f["range"] or "")
    if low and is_number(d) and (float(d) <= float(low[2]) if low[1] == "(" else float(d) < float(low[2])):
        return "absent"
    return code(d if f["type"] != "choice" or d.startswith('"') else '"%s"' % d)


def type_of(f):
    if f["choices"] and f["type"] == "choice":
        return ", ".join(code('"%s"' % c) for c in f["choices"].split("|"))
    words = [f["type"]]
    if f["type"] == "number(s)":
        words = ["number", "list"] + (["`{ file = }`"] if f["file"] else [])
    return " or ".join(words) + (" " + f["range"].replace("an integer ", "").replace("|", "\\|") if f["range"] else "")


def field_rows(fields, prefix=""):
    for f in fields:
        unit = f["unit"] if f["unit"] and f["unit"] != "1" else ""
        yield "| %s | %s | %s | %s | %s |" % (code(prefix + f["name"]), type_of(f), default_of(f), cell(unit), cell(f["help"]))
        yield from field_rows(f["sub"], prefix + f["name"] + ".")


def field_table(fields):
    return "\n".join(["| key | value | default | unit | meaning |", "|---|---|---|---|---|", *field_rows(fields)]) + "\n"


def operations_table(models):
    names = [n for n in models[0]["operations"] if any(m["operations"][n] for m in models)]
    rows = ["| operation | " + " | ".join(code(m["kind"]) for m in models) + " |", "|---|" + "---|" * len(models)]
    for n in names:
        rows.append("| `%s` | %s |" % (n, " | ".join("yes" if m["operations"][n] else "-" for m in models)))
    return "\n".join(rows) + "\n"


def outputs_table(outputs):
    rows = ["| variable | dimensions | unit | meaning |", "|---|---|---|---|"]
    rows += ["| `%s` | %s | %s | %s |" % (o["name"], code(o["dims"]), cell(o["unit"]), cell(o["help"])) for o in outputs]
    return "\n".join(rows) + "\n"


def order(value):
    return "exact" if value == "exact" else "none" if value == 0 else "%g" % value


def stepper_tables(data):
    rows = ["| method | " + " | ".join(data["noise_classes"]) + " |", "|---|" + "---|" * len(data["noise_classes"])]
    refusals = []
    for s in data["steppers"]:
        cells = []
        for c, name in zip(s["cells"], data["noise_classes"]):
            if c["refusal"]:
                cells.append("refused")
                refusals.append("| `%s` | %s | %s |" % (s["name"], name, cell(c["refusal"])))
            else:
                cells.append("%s / %s" % (order(c["strong"]), order(c["weak"])))
        rows.append("| `%s` | %s |" % (s["name"], " | ".join(cells)))
    return "\n".join(rows) + "\n", "\n".join(["| method | noise | message |", "|---|---|---|", *refusals]) + "\n"


def example(text):
    return "```toml\n" + text.rstrip("\n") + "\n```\n"


def mutants_table(path):
    """Deliberate faults by the section of the list, one row for each, with every test that must see it."""
    text, rows = "", {}

    def table():
        lines = ["| fault | what it is | seen by |", "|---|---|---|"]
        return "\n".join(lines + ["| `%s` | %s | %s |" % (n, cell(r[0]), ", ".join(r[1])) for n, r in rows.items()]) + "\n"

    with open(path) as f:
        for line in f:
            fields = line.split(None, 3)
            if line.startswith("# ") and not line.startswith("# fault"):
                text += table() if rows else ""
                rows = {}
                title = line[2:].strip()
                text += "\n### %s%s\n\n" % (title[0].upper(), title[1:])
            elif fields and not line.startswith("#"):
                row = rows.setdefault(fields[0], [fields[3].strip() if len(fields) > 3 else "", []])
                row[1].append("`%s` (`%s`)" % (fields[1], fields[2]))
    return text + table()


def main(build, out):
    os.makedirs(out, exist_ok=True)
    data = json.loads(compiled(build, os.path.join(HERE, "tables.c"), []))
    files = {}
    for m in data["models"]:
        files["model_%s.md" % m["kind"]] = field_table(m["fields"])
        files["example_%s.md" % m["kind"]] = example(m["example"])
        files["operations_%s.md" % m["kind"]] = ", ".join(code(n) for n, there in m["operations"].items() if there) + "\n"
    for t in data["tasks"]:
        files["task_%s.md" % t["name"]] = field_table(t["fields"])
        files["outputs_%s.md" % t["name"]] = outputs_table(t["outputs"])
        files["example_%s.md" % t["name"]] = example(t["example"])
    for name in ("coupling", "ensemble", "noise", "input"):
        files["%s.md" % name] = field_table(data[name])
    files["operations.md"] = operations_table(data["models"])
    files["steppers.md"], files["stepper_refusals.md"] = stepper_tables(data)
    files["model_task.md"] = compiled(build, os.path.join(ROOT, "tests", "test_model_task.c"), ["--markdown"], ["-DSX_MARKDOWN_ONLY"])
    files["mutants.md"] = mutants_table(os.path.join(ROOT, "tools", "mutants.txt"))
    headers = sorted(n[:-2] for n in os.listdir(os.path.join(ROOT, "include", "separatrix")) if n.endswith(".h") and n != "separatrix.h")
    library = {"experiment": "libseparatrix-io", "io": "libseparatrix-io", "report": "libseparatrix-io"}
    files["../api/headers.md"] = "```{toctree}\n:maxdepth: 1\n\n" + "\n".join("header-" + h for h in headers) + "\n```\n"
    for h in headers:
        files["../api/header-%s.md" % h] = "# %s.h\n\n`#include <separatrix/%s.h>`, in %s.\n\n```{eval-rst}\n.. doxygenfile:: %s.h\n```\n" % (
            h, h, library.get(h, "libseparatrix"), h)
    for name, text in files.items():
        with open(os.path.join(out, name), "w") as f:
            f.write(text)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
