#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at random times, between and inside checkpoint writes, and stops by signals: after --resume the result is the same file, byte for
byte, as that of a run nobody disturbed. Usage: test_kill.py PROGRAM. SX_NIGHTLY=1: ten times as many kills, seed SX_SEED."""
import os
import random
import signal
import time

from faults import Tests, read_log, watch

NIGHTLY = bool(os.environ.get("SX_NIGHTLY"))
BETWEEN, INSIDE = (200, 50) if NIGHTLY else (20, 5)


def inside_write(log):
    """Whether the last line about checkpoints says that one is being written."""
    last = [line for line in log.splitlines() if " checkpoint " in line]
    return bool(last) and ": writing" in last[-1]


def kill_once(t, out, rng, resume, inside):
    """One start and one SIGKILL; returns "between", "inside" or "finished"."""
    before = read_log(out)
    word = ": writing" if inside else ": written"
    count = before.count(word)
    args = (["--resume"] if resume else []) + ["--threads", str(rng.choice([1, 2, 3]))]
    p = t.start(out, *args)
    early = not inside and rng.random() < 0.25  # while it loads, reads the checkpoint or makes its first steps
    if early:
        time.sleep(rng.uniform(0.0, 0.3))
    elif watch(p, out, lambda log: log.count(word) > count):
        time.sleep(rng.uniform(0.0, 0.02 if inside else 0.3))
    p.kill()
    _, err = p.communicate()
    if p.returncode >= 0:
        t.check("exit 0 when nobody was fast enough", p.returncode == 0, err)
        return "finished"
    return "inside" if inside_write(read_log(out)) else "between"


def kills(t, whole):
    rng = random.Random(int(os.environ.get("SX_SEED", "20260101")))
    count = {"between": 0, "inside": 0, "finished": 0}
    runs = resumed = 0
    while count["between"] < BETWEEN or count["inside"] < INSIDE:
        out = t.path("killed%d" % runs)
        runs += 1
        for k in range(40):  # the undisturbed run has about 25 checkpoints
            # a kill before the directory is made leaves nothing to resume
            resume = os.path.exists(os.path.join(out, "experiment.toml"))
            inside = count["inside"] < INSIDE and (rng.random() < 0.5 or count["between"] >= BETWEEN)
            what = kill_once(t, out, rng, resume, inside)
            count[what] += 1
            if what == "finished" or (count["between"] >= BETWEEN and count["inside"] >= INSIDE):
                break
        resume = os.path.exists(os.path.join(out, "experiment.toml"))
        p = t.run(out, *(["--resume"] if resume else []))
        resumed += read_log(out).count("resumed from checkpoint")
        if not t.check("run %d: completed after %d kills" % (runs, k + 1), p.returncode == 0, p.stderr):
            return
        t.check("run %d: the same file as undisturbed" % runs, t.result(out) == whole)
        left = sorted(f for f in os.listdir(out) if f not in ("result.h5", "experiment.toml", "log.txt"))
        t.check("run %d: nothing else is left" % runs, left == [], left)
        if runs > 20 * (1 + 9 * NIGHTLY):
            break
    print("        %d kills between checkpoints, %d inside a write, %d runs, %d resumes from a checkpoint"
          % (count["between"], count["inside"], runs, resumed))
    t.check("at least %d kills between checkpoints" % BETWEEN, count["between"] >= BETWEEN, count)
    t.check("at least %d kills inside a checkpoint write" % INSIDE, count["inside"] >= INSIDE, count)
    t.check("most resumes began at a checkpoint", resumed >= (BETWEEN + INSIDE) // 2, resumed)


def kill_at_end(t, whole):
    """While the result is made from the parts, verified and renamed."""
    rng = random.Random(5)
    for k in range(20 if NIGHTLY else 3):
        out = t.path("end%d" % k)
        p = t.start(out)
        watch(p, out, lambda log: "task 'second': finished" in log)
        time.sleep(rng.uniform(0.0, 0.05))
        p.kill()
        p.communicate()
        there = os.path.exists(os.path.join(out, "result.h5"))
        t.check("killed at the end: result.h5 is whole or absent", not there or t.result(out) == whole)
        p = t.run(out, "--resume")
        t.check("killed at the end: completed", p.returncode == 0 and t.result(out) == whole, p.stderr)


def signals(t, whole):
    """Four stops in one run, each by another signal and with another number of threads."""
    out = t.path("signals")
    for k, number in enumerate((signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)):
        count = read_log(out).count(": written")
        p = t.start(out, *(["--resume"] if k else []), "--threads", str(k % 3 + 1))
        watch(p, out, lambda log: log.count(": written") > count + 1)
        begin = time.monotonic()
        p.send_signal(number)
        stdout, stderr = p.communicate()
        seconds = time.monotonic() - begin
        slow = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        name = signal.Signals(number).name
        t.check("%s: exit 75" % name, p.returncode == 75, stderr)
        t.check("%s: within 2 s (%.2f s, load %.1f)" % (name, seconds, slow), seconds < 2 * slow)
        t.check("%s: named, with the way to go on" % name, name in stderr and "--resume" in stderr, stderr)
        code, text = t.info(out)
        t.check("%s: the result so far is whole and says so" % name,
                code == 0 and "complete         no" in text and "stopped_in" in text and "result.h5" in stdout, text)
    p = t.run(out, "--resume", "--threads", "3")
    t.check("four stops: completed", p.returncode == 0, p.stderr)
    t.check("four stops: the same file as undisturbed", t.result(out) == whole)
    p = t.run(out, "--resume")
    t.check("resuming a complete run does nothing", p.returncode == 0 and "already complete" in p.stderr and t.result(out) == whole, p.stderr)


def halves(t, whole):
    """Two halves are one run; the second on another number of threads, with another checkpoint interval."""
    out = t.path("halves")
    p = t.start(out, "--threads", "1")
    watch(p, out, lambda log: "task 'second' (simulate): started" in log)
    p.send_signal(signal.SIGTERM)
    p.communicate()
    t.check("halves: stopped between the tasks", p.returncode == 75)
    p = t.run(out, "--resume", "--threads", "2", "--checkpoint-interval", "1000")
    t.check("halves: the same file as one run", p.returncode == 0 and t.result(out) == whole, p.stderr)


def busy(t, whole):
    out = t.path("busy")
    p = t.start(out)
    watch(p, out, lambda log: ": written" in log)
    second = t.run(out, "--resume")
    t.check("a second process: exit 8", second.returncode == 8, second.stderr)
    t.check("a second process: told which one has the directory", str(p.pid) in second.stderr, second.stderr)
    third = t.run(out, "--force")
    t.check("a second process with --force: exit 8", third.returncode == 8, third.stderr)
    _, err = p.communicate()
    t.check("the first goes on undisturbed", p.returncode == 0 and t.result(out) == whole, err)


def main():
    t = Tests()
    out = t.path("whole")
    p = t.run(out, "--threads", "2", "--checkpoint-interval", "1000")
    if t.check("undisturbed run", p.returncode == 0, p.stderr):
        whole = t.result(out)
        halves(t, whole)
        signals(t, whole)
        busy(t, whole)
        kill_at_end(t, whole)
        kills(t, whole)
    t.end()


main()
