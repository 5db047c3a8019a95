#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""compile = true from the command line: where the compiled model is kept, that it is used again, that the numbers are those of the
evaluator, and the messages when there is no compiler or the cache is not one's own. Usage: test_compile.py PROGRAM [CC]."""
import filecmp
import os
import subprocess
import sys
import tempfile

TEXT = """seed = 2
[model]
kind = "equations"
compile = true
index = { i = 12, j = "i" }
state = { x = "i", a = "i" }
[model.parameters]
W = { ensemble = "gaussian", shape = "i,j", g = 1.5 }
g = 1.1
[model.equations]
x = "-x[i] + sum(j, W[i,j]*tanh(g*x[j])) - a[i]"
a = "(x[i]^3 - a[i])/5"
[noise]
kind = "additive"
sigma = { x = "0.1", a = "0" }
[[task]]
do = "simulate"
duration = 3.0
dt = 0.05
replicas = 8
record = { every = 0.5 }
"""
bad = 0


def want(condition, text):
    global bad
    if not condition:
        print("FAILED: " + text)
        bad += 1


def main():
    program = os.path.abspath(sys.argv[1])
    compiler = ["--cc", sys.argv[2]] if len(sys.argv) > 2 else []
    with tempfile.TemporaryDirectory() as d:
        env = {k: v for k, v in os.environ.items() if k not in ("XDG_CACHE_HOME", "HOME")}
        with open(os.path.join(d, "net.toml"), "w") as f:
            f.write(TEXT)

        def run(*args, **more):
            p = subprocess.run([program, *args], cwd=d, env={**env, **more}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               timeout=300)
            return p.returncode, p.stdout, p.stderr

        def entries(folder):
            folder = os.path.join(d, folder)
            return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

        def numbers(out):
            code, _, err = run("figures", out, "--csv", "--out", out + ".csv")
            want(code == 0, "figures: %s" % err)
            return os.path.join(d, out + ".csv")

        # the user's cache, made closed to others
        code, _, err = run("run", "net.toml", "--out", "fast", "--quiet", "--no-report", *compiler, XDG_CACHE_HOME=os.path.join(d, "xdg"))
        want(code == 0, "compile = true: exit %d: %s" % (code, err))
        kept = entries("xdg/separatrix")
        want(len(kept) == 1 and kept[0].startswith("equations-") and kept[0].endswith(".so"), "the cache holds %s" % kept)
        want(os.stat(os.path.join(d, "xdg/separatrix")).st_mode & 0o777 == 0o700, "the cache is closed to others")
        before = os.stat(os.path.join(d, "xdg/separatrix", kept[0])).st_mtime_ns

        # the same numbers without it
        code, _, err = run("run", "net.toml", "--out", "plain", "--quiet", "--no-report", "--set", "model.compile=false")
        want(code == 0, "compile = false: exit %d: %s" % (code, err))
        a, b = numbers("fast"), numbers("plain")
        names = sorted(os.listdir(a))
        want(names == sorted(os.listdir(b)) and names, "the same figures")
        equal, other, missing = filecmp.cmpfiles(a, b, names, shallow=False)
        want(equal == names and not other and not missing, "other numbers in %s" % (other + missing))

        # another value of a parameter, more units: the same code
        code, _, err = run("run", "net.toml", "--out", "again", "--quiet", "--no-report", "--set", "model.parameters.g=1.25",
                           "--set", "model.index.i=30", *compiler, XDG_CACHE_HOME=os.path.join(d, "xdg"))
        want(code == 0, "other numbers: exit %d: %s" % (code, err))
        want(entries("xdg/separatrix") == kept, "a parameter and a size compile nothing: %s" % entries("xdg/separatrix"))
        want(os.stat(os.path.join(d, "xdg/separatrix", kept[0])).st_mtime_ns == before, "the entry is used as it is")

        # ~/.cache, --cache, a relative XDG_CACHE_HOME that is to be ignored; no place at all
        for more, args, folder in (({"HOME": d}, [], ".cache/separatrix"), ({}, ["--cache", "mine/code"], "mine/code"),
                                   ({"XDG_CACHE_HOME": "relative", "HOME": os.path.join(d, "home")}, [], "home/.cache/separatrix")):
            code, _, err = run("check", "net.toml", *args, *compiler, **more)
            want(code == 0 and len(entries(folder)) == 1, "%s %s: exit %d, %s holds %s: %s" % (more, args, code, folder, entries(folder), err))
        code, _, err = run("check", "net.toml", *compiler)
        want(code == 0, "no cache: exit %d: %s" % (code, err))

        # no compiler; a cache that others may write to
        code, _, err = run("run", "net.toml", "--out", "none", "--cc", "/no/such/cc", HOME=d)
        want(code == 2 and "'/no/such/cc' cannot be started" in err and "compile = false" in err, "no compiler: exit %d: %s" % (code, err))
        want(not os.path.exists(os.path.join(d, "none")), "a refused run makes no directory")
        os.chmod(os.path.join(d, "mine/code"), 0o777)
        code, _, err = run("run", "net.toml", "--out", "open", "--cache", "mine/code", *compiler)
        want(code == 5 and "has permissions 777" in err, "an open cache: exit %d: %s" % (code, err))
        for option in ("--cache", "--cc"):
            code, _, err = run("run", "net.toml", option, "")
            want(code == 2 and "is empty" in err, "%s '': exit %d: %s" % (option, code, err))
    print("test_compile: %s" % ("%d failed" % bad if bad else "ok"))
    return 1 if bad else 0


sys.exit(main())
