#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Running through the built program: what is on standard output, exit codes of stopped, killed, resumed, changed and busy runs, and that a
run that was stopped or killed ends with the same bytes in its result as an undisturbed one. Usage: test_run.py PROGRAM"""
import os
import signal
import subprocess
import sys
import tempfile
import time

TEXT = """title = "run"
seed = 3
[model]
kind = "rate"
coupling = { ensemble = "gaussian", n = 40 }
[noise]
kind = "additive"
D = 0.1
[[task]]
name = "a"
do = "simulate"
duration = 20.0
dt = 0.01
replicas = 64
[[task]]
name = "b"
do = "simulate"
duration = 150.0
dt = 0.01
replicas = 256
record = { every = 1.0, units = [0, 1] }
"""
problems = []


def want(condition, text):
    if not condition:
        problems.append(text)


def command(program, *args):
    return [program, "run", "--no-report", *args, "experiment.toml"]


def run(program, directory, *args):
    p = subprocess.run(command(program, *args), cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def start(program, directory, *args):
    return subprocess.Popen(command(program, *args), cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(path, limit=120):
    end = time.monotonic() + limit
    while not os.path.exists(path) and time.monotonic() < end:
        time.sleep(0.01)
    want(os.path.exists(path), "%s did not appear" % os.path.basename(path))


def content(directory, out):
    with open(os.path.join(directory, out, "result.h5"), "rb") as f:
        return f.read()


def checkpoint_of_b(directory, out):
    folder = os.path.join(directory, out, "checkpoints")
    return [f for f in (os.listdir(folder) if os.path.isdir(folder) else []) if f.startswith("a.")]


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as d:
        with open(os.path.join(d, "experiment.toml"), "w") as f:
            f.write(TEXT)
        code, out, err = run(program, d)
        want(code == 0, "plain run: exit %d: %s" % (code, err))
        want(out == "experiment.out/result.h5\n", "plain run: standard output is %r" % out)
        want(sorted(os.listdir(os.path.join(d, "experiment.out"))) == ["experiment.toml", "log.txt", "result.h5"],
             "plain run: left %s" % sorted(os.listdir(os.path.join(d, "experiment.out"))))
        whole = content(d, "experiment.out")
        with open(os.path.join(d, "experiment.out", "log.txt")) as f:
            log = f.read()
        want("task 'a'" in log and "task 'b'" in log, "log.txt names the tasks")

        code, out, err = run(program, d)
        want(code == 5 and "--force" in err, "a result is there: exit %d: %s" % (code, err))
        want(content(d, "experiment.out") == whole, "a refused run leaves the result alone")
        code, out, err = run(program, d, "--resume")
        want(code == 0 and content(d, "experiment.out") == whole, "resuming a complete run: exit %d" % code)
        for threads in ("1", "3"):
            code, out, err = run(program, d, "--force", "--quiet", "--threads", threads)
            want(code == 0 and err == "", "quiet: exit %d, %r" % (code, err))
            want(content(d, "experiment.out") == whole, "%s threads give other bytes" % threads)

        # a warning is found by the prediction, by the run, and stands in the result: it is shown once
        with open(os.path.join(d, "fast.toml"), "w") as f:
            f.write('[data.p]\nvalues = [[1, -1], [1, 1]]\n[model]\nkind = "free-energy"\nn = 2\n[noise]\nkind = "none"\n[[task]]\nname = "train"\n'
                    'do = "learn"\ndata = "p"\nrate = 0.5\nevidence = 2.0\ninverse_temperature = 0.5\nepochs = 3\n')
        p = subprocess.run([program, "run", "fast.toml"], cwd=d, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        want(p.returncode == 0 and p.stderr.count(b"warning: train: rate * units = 1 is above 0.3") == 1, "a warning once: %r" % p.stderr)
        with open(os.path.join(d, "fast.out", "report.html"), encoding="utf-8") as f:
            want("rate * units = 1 is above 0.3" in f.read(), "the warning is in the report")
        p = subprocess.run([program, "check", "fast.toml"], cwd=d, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        want(p.returncode == 0 and p.stderr.count(b"above 0.3") == 1, "check says it before: %r" % p.stderr)

        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
            out_dir = "stopped%d" % number
            p = start(program, d, "--out", out_dir)
            wait_for(os.path.join(d, out_dir, "experiment.toml"))
            while p.poll() is None and not checkpoint_of_b(d, out_dir):
                time.sleep(0.01)
            p.send_signal(number)
            out, err = p.communicate(timeout=120)
            want(p.returncode == 75, "signal %d: exit %d: %s" % (number, p.returncode, err.decode()))
            want(b"--resume" in err, "signal %d: the message tells how to go on" % number)
            info = subprocess.run([program, "info", out_dir], cwd=d, stdout=subprocess.PIPE, timeout=60)
            want(info.returncode == 0 and b"complete         no" in info.stdout, "signal %d: the partial result says so" % number)
            code, out, err = run(program, d, "--out", out_dir, "--resume", "--set", "seed=4")
            want(code == 7 and "seed = 4" in err, "another experiment is not resumed: exit %d: %s" % (code, err))
            code, out, err = run(program, d, "--out", out_dir)
            want(code == 5, "an unfinished run is not overwritten: exit %d: %s" % (code, err))
            code, out, err = run(program, d, "--out", out_dir, "--resume")
            want(code == 0, "resume: exit %d: %s" % (code, err))
            want(content(d, out_dir) == whole, "signal %d: the resumed result has other bytes" % number)

        # kill -9 in the second task, a second process meanwhile
        p = start(program, d, "--out", "killed")
        wait_for(os.path.join(d, "killed", "experiment.toml"))
        code, out, err = run(program, d, "--out", "killed", "--resume")
        want(code == 8 and str(p.pid) in err, "busy: exit %d: %s" % (code, err))
        while p.poll() is None and not checkpoint_of_b(d, "killed"):
            time.sleep(0.01)
        p.kill()
        p.communicate(timeout=60)
        code, out, err = run(program, d, "--out", "killed", "--resume")
        want(code == 0, "resume after kill -9: exit %d: %s" % (code, err))
        want(content(d, "killed") == whole, "kill -9: the resumed result has other bytes")

        code, out, err = run(program, d, "--out", "no/such/parent")
        want(code == 5 and "no/such" in err, "no parent: exit %d: %s" % (code, err))
        with open(os.path.join(d, "occupied"), "w") as f:
            f.write("x")
        code, out, err = run(program, d, "--out", "occupied")
        want(code == 5, "the output directory is a file: exit %d: %s" % (code, err))
    print("\n".join(problems) if problems else "run: all well")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
