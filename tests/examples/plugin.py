#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""examples/plugin: compiled by its Makefile against the headers of the source, run, compared with the same model as `equations` (the noise is
the same, so are the trajectories up to rounding), and the command's answers to libraries that cannot be used."""
import os
import re
import shutil
import subprocess

from example import EXAMPLES, SKIP, h5py, main, np

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.path.abspath(os.path.join(HERE, "..", "..", "include"))
TEXT = """[model]
kind = "equations"
state = ["v", "w"]
parameters = { a = 0.7, b = 0.8, tau = 12.5, I = 0.3 }
equations = { v = "v - v^3/3 - w + I", w = "(v + a - b*w)/tau" }
"""


def command(program, directory, *args):
    return subprocess.run([program] + list(args), cwd=directory, capture_output=True, text=True)


def result(program, directory, name, *args):
    p = command(program, directory, "run", name + ".toml", "--quiet", "--no-report", "--force", *args)
    assert p.returncode == 0, p.stderr
    return h5py.File(os.path.join(directory, name + ".out", "result.h5"), "r")


def build(directory, name, *flags):
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", "-I" + INCLUDE, "-o", name, *flags], cwd=directory, check=True)


def refused(check, program, directory, what, code, place, *texts):
    p = command(program, directory, "check", "fhn.toml")
    wanted = [t for t in texts + (place,) if t not in p.stderr]
    check.true(what, p.returncode == code and not wanted, "" if p.returncode == code and not wanted else "exit %d: %s" % (p.returncode, p.stderr))


def test(check, program, directory):
    for name in ("fhn.c", "Makefile", "fhn.toml"):
        shutil.copy(os.path.join(EXAMPLES, "plugin", name), directory)
    refused(check, program, directory, "no library yet", 3, "fhn.toml:7:8", "libfhn.so")
    subprocess.run(["make", "CFLAGS=-I" + INCLUDE], cwd=directory, check=True, stdout=subprocess.DEVNULL)

    with open(os.path.join(directory, "fhn.toml")) as f:
        text = f.read()
    with open(os.path.join(directory, "text.toml"), "w") as f:
        f.write(re.sub(r"\[model\].*?\n\n", TEXT + "\n", text, flags=re.S))
    with result(program, directory, "fhn") as a, result(program, directory, "text") as b:
        x, y = a["spikes/x"][:], b["spikes/x"][:]
        check.true("64 replicas, 401 times, 2 units", x.shape == (64, 401, 2))
        check.near("trajectories of the plug-in and of the texts", np.abs(x - y).max(), 0, 1e-9)
        check.true("it spikes", (x[:, :, 0].max(axis=1) > 1.5).any() and x[:, :, 0].std() > 0.2)
        notes = a.attrs["model_derivatives"]
        notes = notes.decode() if isinstance(notes, bytes) else str(notes)
        check.true("derivatives in the result", notes.startswith("by complex step: jvp, vjp, jacobian, divergence; by differences"), notes)
    with result(program, directory, "fhn", "--set", "model.options.I=0.5") as c:
        check.true("--set reaches an option", np.abs(c["spikes/x"][:] - x).max() > 0.5)
    p = command(program, directory, "check", "fhn.toml")
    check.true("check prints the derivatives", "# derivatives: by complex step" in p.stdout)

    for name, option, wants in (("unknown option", "taus=1", ("options.taus", "did you mean 'tau'?", "a, b, tau, I")), ("option out of range", "tau=0", ("options.tau = 0", "[0.001, 1e+06]", "slowness"))):
        p = command(program, directory, "check", "--set", "model.options." + option, "fhn.toml")
        check.true(name, p.returncode == 2 and all(w in p.stderr for w in wants), "" if p.returncode == 2 else p.stderr)
    os.rename(os.path.join(directory, "libfhn.so"), os.path.join(directory, "kept.so"))
    with open(os.path.join(directory, "libfhn.so"), "w") as f:
        f.write("no library at all\n")
    refused(check, program, directory, "a text instead of a library", 3, "fhn.toml:7:8", "libfhn.so", "no shared library that can be loaded")
    with open(os.path.join(directory, "empty.c"), "w") as f:
        f.write("int nothing(void) { return 0; }\n")
    build(directory, "libfhn.so", "empty.c")
    refused(check, program, directory, "a library without the function", 3, "fhn.toml:7:8", "exports no function sx_plugin_entry")
    with open(os.path.join(directory, "fhn.c")) as f:
        source = f.read()
    for name, old, new, code, want in (("another abi", "{ SX_PLUGIN_ABI,", "{ SX_PLUGIN_ABI + 6,", 3, "abi 7"),
                                       ("no units", "layout.n = 2", "layout.n = 0", 3, "layout.n = 0: want at least 1 unit"),
                                       ("F is not a number", "- w + p[3]", "- w + p[3] / (p[3] - p[3])", 4, "F of unit 0 (x[0]) is")):
        assert old in source
        with open(os.path.join(directory, "bad.c"), "w") as f:
            f.write(source.replace(old, new))
        build(directory, "libfhn.so", "bad.c")
        refused(check, program, directory, name, code, "fhn.toml:7:8", want)


if __name__ == "__main__":
    if not shutil.which("make") or not shutil.which(os.environ.get("CC", "cc")):
        print("skipped: make or the compiler is missing")
        raise SystemExit(SKIP)
    main(test)
