# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""separatrix figures: the same drawings as SVG, PDF and numbers. usage: test_figures.py PROGRAM"""
import os
import shutil
import subprocess
import sys
import tempfile

TEXT = """
[model]
kind = "linear"
n = 2
leak = [1.0, 0.25]
[noise]
kind = "additive"
D = 0.1
[[task]]
name = "traj"
do = "simulate"
duration = 5.0
dt = 0.01
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
    with tempfile.TemporaryDirectory() as d:
        def run(*args, **more):
            p = subprocess.run([program, *args], cwd=d, env={**os.environ, **more}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               timeout=120)
            return p.returncode, p.stdout, p.stderr

        with open(os.path.join(d, "pair.toml"), "w") as f:
            f.write(TEXT)
        code, _, err = run("run", "pair.toml", "--out", "pair", "--quiet", "--no-report")
        want(code == 0, "run: exit %d: %s" % (code, err))
        code, _, err = run("figures", "pair")
        names = sorted(os.listdir(os.path.join(d, "pair/figures")))
        stems = sorted(n[:-4] for n in names if n.endswith(".svg"))
        want(code == 0 and len(stems) >= 3 and len(names) == 2 * len(stems), "SVG and CSV by default: %s: %s" % (names, err))

        # without the converter: an error that names it, and nothing left behind
        code, _, err = run("figures", "pair", "--pdf", "--out", "none", PATH="")
        want(code == 2 and "rsvg-convert" in err and "librsvg2-bin" in err, "no converter: exit %d: %s" % (code, err))
        want(os.listdir(os.path.join(d, "none")) == [], "no converter: left %s" % os.listdir(os.path.join(d, "none")))
        if not shutil.which("rsvg-convert"):
            print("rsvg-convert is not installed: PDF not tested")
            sys.exit(1 if bad else 77)
        code, _, err = run("figures", "pair", "--pdf", "--out", "pdf")
        names = sorted(os.listdir(os.path.join(d, "pdf")))
        want(code == 0 and names == [s + ".pdf" for s in stems], "PDF of every figure and nothing else: %s: %s" % (names, err))
        for name in names:
            with open(os.path.join(d, "pdf", name), "rb") as f:
                data = f.read()
            want(data[:5] == b"%PDF-" and b"%%EOF" in data[-32:] and len(data) > 2000, "%s is a PDF: %r" % (name, data[:8]))
    sys.exit(1 if bad else 0)


main()
