#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Every malformed experiment of bad_inputs.py through `check` and `run` of the built program: the exit code, the place, the words of the
message, nothing on standard output, and a working directory that is the same byte for byte. Usage: test_bad_inputs.py PROGRAM [NAME]..."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bad_inputs  # noqa: E402


def place(text):
    """The text without its mark, and LINE:COLUMN of the mark (columns count characters from 1)."""
    if isinstance(text, bytes) or "@@" not in text:
        return text, None
    before, after = text.split("@@", 1)
    assert "@@" not in after, "one mark only"
    return before + after, "%d:%d" % (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def snapshot(directory):
    content = {}
    for root, dirs, files in os.walk(directory):
        for name in dirs:
            content[os.path.relpath(os.path.join(root, name), directory)] = None
        for name in files:
            with open(os.path.join(root, name), "rb") as f:
                content[os.path.relpath(os.path.join(root, name), directory)] = f.read()
    return content


def run(program, args, directory, stdin=b""):
    return subprocess.run([program] + args, cwd=directory, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)


def check_case(program, name, text, code, wanted, files=None):
    text, at = place(text)
    problems = []
    for command in (["check"], ["run", "--no-report"]):
        with tempfile.TemporaryDirectory() as directory:
            for file, content in (files or {}).items():
                with open(os.path.join(directory, file), "w") as f:
                    f.write(content)
            with open(os.path.join(directory, "experiment.toml"), "wb") as f:
                f.write(text if isinstance(text, bytes) else text.encode())
            before = snapshot(directory)
            p = run(program, command + ["experiment.toml"], directory)
            message = p.stderr.decode(errors="replace")
            label = "%s (%s)" % (name, command[0])
            if p.returncode != code:
                problems.append("%s: exit %d, want %d" % (label, p.returncode, code))
            if at and "experiment.toml:%s:" % at not in message:
                problems.append("%s: want the place experiment.toml:%s" % (label, at))
            problems += ["%s: want '%s' in the message" % (label, w) for w in wanted if w not in message]
            if p.stdout:
                problems.append("%s: text on standard output" % label)
            if message.count("\n") > 3:
                problems.append("%s: more than one error" % label)
            if snapshot(directory) != before:
                problems.append("%s: the directory has changed: %s" % (label, sorted(set(snapshot(directory)) ^ set(before))))
            if problems and problems[-1].startswith(label):
                problems.append("    " + message.strip())
    return problems


# (arguments, standard input, exit code, words on stderr or stdout)
WELLS = """[model]
kind = "equations"
index = { i = 3 }
state = { x = "i" }
potential = "sum(i, x[i]^4/4-x[i]^2/2)"
metric = "1/(1+x[i]^2)"
[[task]]
do = "simulate"
duration = 1.0
dt = 0.1
"""
USAGE = [
    ([], b"", 2, ["usage: separatrix COMMAND"]),
    (["--help"], b"", 0, ["separatrix COMMAND"]),
    (["--version"], b"", 0, ["separatrix "]),
    (["rnu"], b"", 2, ["unknown command 'rnu'", "did you mean 'run'"]),
    (["run"], b"", 2, ["which experiment?"]),
    (["run", "a.toml", "b.toml"], b"", 2, ["one experiment at a time"]),
    (["run", "absent.toml"], b"", 2, ["absent.toml", "No such file"]),
    (["run", "."], b"", 2, ["not a file"]),
    (["run", "-"], b"", 2, ["standard input is empty"]),
    (["run", "-"], b"seed = 1\n", 2, ["stdin:1:1", "[model] is missing"]),
    (["run", "--threads", "0", "-"], b"", 2, ["--threads 0"]),
    (["run", "--threads"], b"", 2, ["needs a value"]),
    (["run", "--treads", "2", "-"], b"", 2, ["unknown option '--treads'"]),
    (["check", "--set", "task.traj.dt=-1", "-"], bad_inputs.GOOD.encode(), 2, ["--set task.traj.dt=-1", "(0, inf)"]),
    (["check", "--set", "task.traj.durration=1", "-"], bad_inputs.GOOD.encode(), 2, ["--set", "unknown key 'durration'"]),
    (["check", "--set", "novalue", "-"], bad_inputs.GOOD.encode(), 2, ["novalue"]),
    (["check", "--set", "task.nothere.dt=0.1", "-"], bad_inputs.GOOD.encode(), 2, ["nothere"]),
    (["check", "--latex", "-"], WELLS.encode(), 0, [r"\Phi = \sum_{i}", r"\frac{d}{dt} x_{i} = -\frac{1}{G_{x,i}}\, \frac{\partial \Phi}{\partial x_{i}}"]),
    (["check", "-"], WELLS.encode(), 0, ["#   Phi = sum(i, x[i]^4/4 - x[i]^2/2)\n#   G_x[i] = 1/(1 + x[i]^2)\n#   x[i]' = -dPhi/dx[i]/G_x[i]\n"]),
    (["run", "--resume", "-"], bad_inputs.GOOD.encode(), 7, ["separatrix.out", "no run to resume"]),
    (["info"], b"", 2, ["which result?"]),
    (["info", "absent.h5"], b"", 3, ["absent.h5"]),
    (["report", "absent.h5"], b"", 3, ["absent.h5"]),
    (["figures", "--pdf", "absent.h5"], b"", 3, ["absent.h5"]),
    (["bench", "--only", "dens"], b"", 2, ["'dens'", "--help names them"]),
    (["models", "raet"], b"", 2, ["'raet'", "did you mean 'rate'"]),
    (["tasks", "simluate"], b"", 2, ["did you mean 'simulate'"]),
    (["new"], b"", 2, ["which kind"]),
    (["new", "raet"], b"", 2, ["did you mean 'rate'", "this version has"]),
    (["models"], b"", 0, ["linear", "rate", "composed"]),
    (["models", "rate"], b"", 0, ["tau", "default 1.0", "Operations:", "Example"]),
    (["tasks"], b"", 0, ["simulate"]),
    (["tasks", "simulate"], b"", 0, ["duration", "x_variance", "Needs of the model"]),
] + [([c, "--help"], b"", 0, ["usage: separatrix " + c]) for c in ("run", "check", "info", "report", "figures", "models", "tasks", "new")]


def check_usage(program, args, stdin, code, wanted):
    with tempfile.TemporaryDirectory() as directory:
        p = run(program, args, directory, stdin)
        text = (p.stdout + p.stderr).decode(errors="replace")
        label = " ".join(args)
        problems = [] if p.returncode == code else ["%s: exit %d, want %d" % (label, p.returncode, code)]
        problems += ["%s: want '%s'" % (label, w) for w in wanted if w not in text]
        if os.listdir(directory):
            problems.append("%s: left %s behind" % (label, os.listdir(directory)))
        return problems + (["    " + text.strip()[:400]] if problems else [])


def check_templates(program):
    """Every starting file passes `check`, and the resolved text resolves to itself."""
    problems = []
    for kind in ("linear", "rate", "composed", "equations", "simulate"):
        with tempfile.TemporaryDirectory() as directory:
            new = run(program, ["new", kind], directory)
            first = run(program, ["check", "-"], directory, new.stdout)
            again = run(program, ["check", "-"], directory, first.stdout)
            if new.returncode or first.returncode or again.returncode:
                problems.append("new %s: %s" % (kind, (new.stderr + first.stderr + again.stderr).decode()))
            settings = [[line for line in p.stdout.decode().split("\n") if not line.startswith("# predicted")] for p in (first, again)]
            if settings[0] != settings[1]:
                problems.append("new %s: the resolved text does not resolve to itself" % kind)
    return problems


def main():
    program, names = os.path.abspath(sys.argv[1]), sys.argv[2:]
    cases = [c for c in bad_inputs.CASES if not names or c[0] in names]
    assert len(set(c[0] for c in cases)) == len(cases), "names of cases are unique"
    problems = []
    for case in cases:
        problems += check_case(program, *case)
    if not names:
        for usage in USAGE:
            problems += check_usage(program, *usage)
        problems += check_templates(program)
    print("\n".join(problems))
    print("%d experiments, %d command lines, %d problems" % (len(cases), 0 if names else len(USAGE),
                                                           sum(not p.startswith("    ") for p in problems)))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
