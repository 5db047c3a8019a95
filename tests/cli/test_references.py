#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""A task that begins where an earlier one ended, killed in both: after --resume the second task still begins at the same states, and the
result is the same file, byte for byte, as that of a run nobody disturbed. Usage: test_references.py PROGRAM. SX_NIGHTLY=1: ten times as many
kills, seed SX_SEED."""
import os
import random
import re
import signal
import time

from faults import Tests, read_log, watch

NIGHTLY = bool(os.environ.get("SX_NIGHTLY"))
KILLS = 40 if NIGHTLY else 4  # in each task, with a checkpoint of it on the disk

EXPERIMENT = """title = "References"
seed = 5
[model]
kind = "rate"
coupling = { ensemble = "gaussian", n = 300, g = 1.5, self = "zero" }
[noise]
kind = "additive"
D = 0.02
[[task]]
name = "a"
do = "simulate"
method = "heun"
dt = 0.05
burn_in = 1.0
duration = 60.0
replicas = 16
initial = { kind = "gaussian", mean = 0.0, sd = 0.5 }
record = { every = 5.0 }
[[task]]
name = "b"
do = "simulate"
method = "euler-maruyama"
dt = 0.05
duration = 120.0
replicas = 16
initial = { task = "a", select = "recorded", n = 4 }
record = { every = 1.0, units = [0, 299] }
"""


def place(log):
    """The task that was running when the log ended, and whether it had a checkpoint on the disk."""
    task = None
    saved = False
    for line in log.splitlines():
        if match := re.search(r"task '(\w+)' \(simulate\): started", line):
            task, saved = match.group(1), False
        elif re.search(r"task '\w+': finished", line):
            task, saved = None, False
        elif match := re.search(r"checkpoint (\w+)\.\d+\.checkpoint: written", line):
            saved = match.group(1) == task
        elif re.search(r"resumed from checkpoint", line):
            saved = True
    return task, saved


def kill_in(t, out, rng, task, resume):
    """One start and one SIGKILL soon after a new checkpoint of the task; where it landed, or "finished"."""
    word = "checkpoint %s." % task
    count = sum(word in line and ": written" in line for line in read_log(out).splitlines())
    p = t.start(out, *(["--resume"] if resume else []), "--threads", str(rng.choice([1, 2, 3])))
    if watch(p, out, lambda log: sum(word in line and ": written" in line for line in log.splitlines()) > count):
        time.sleep(rng.uniform(0.0, 0.1))
    p.kill()
    _, err = p.communicate()
    if p.returncode >= 0:
        t.check("exit 0 when nobody was fast enough", p.returncode == 0, err)
        return "finished"
    where, saved = place(read_log(out))
    return where if saved else None


def main():
    t = Tests()
    t.file = t.write("references.toml", EXPERIMENT)
    rng = random.Random(int(os.environ.get("SX_SEED", "20260102")))
    out = t.path("whole")
    p = t.run(out, "--threads", "2", "--checkpoint-interval", "1000")
    if not t.check("undisturbed run", p.returncode == 0, p.stderr):
        t.end()
    whole = t.result(out)
    count = {"a": 0, "b": 0}
    runs = resumed = 0
    while min(count.values()) < KILLS and runs < 10 * (1 + 9 * NIGHTLY):
        out = t.path("killed%d" % runs)
        runs += 1
        kills = 0
        for task in ("a", "b"):
            for _ in range(2 * KILLS // (1 + 9 * NIGHTLY)):
                where = kill_in(t, out, rng, task, os.path.exists(os.path.join(out, "experiment.toml")))
                kills += where != "finished"
                if where in count:
                    count[where] += 1
                if where == "finished" or where != task or rng.random() < 0.3:
                    break
        p = t.run(out, "--resume")
        resumed += read_log(out).count("resumed from checkpoint")
        if not t.check("run %d: completed after %d kills" % (runs, kills), p.returncode == 0, p.stderr):
            t.end()
        t.check("run %d: the same file as undisturbed" % runs, t.result(out) == whole)
        left = sorted(f for f in os.listdir(out) if f not in ("result.h5", "experiment.toml", "log.txt"))
        t.check("run %d: nothing else is left" % runs, left == [], left)
    print("        %d kills in the first task, %d in the second, %d runs, %d resumes from a checkpoint"
          % (count["a"], count["b"], runs, resumed))
    t.check("at least %d kills in each task" % KILLS, min(count.values()) >= KILLS, count)
    t.check("most resumes began at a checkpoint", resumed >= sum(count.values()) * 3 // 4, resumed)

    # stopped by a signal between the tasks, continued on another number of threads
    out = t.path("between")
    p = t.start(out, "--threads", "1")
    watch(p, out, lambda log: "task 'b' (simulate): started" in log)
    p.send_signal(signal.SIGTERM)
    p.communicate()
    t.check("stopped at the border of the tasks", p.returncode == 75, p.returncode)
    p = t.run(out, "--resume", "--threads", "3", "--checkpoint-interval", "1000")
    t.check("stopped at the border: the same file", p.returncode == 0 and t.result(out) == whole, p.stderr)
    t.end()


main()
