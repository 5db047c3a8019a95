#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Damaged checkpoints, full disks, directories that cannot be written, blow-up, limits: the exit code, a message that says what is wrong, and
nothing lost. Usage: test_faults.py PROGRAM"""
import os
import random
import resource
import shutil
import subprocess

from faults import Tests, read_log, watch


def damage(path, kind, rng):
    with open(path, "rb") as f:
        data = bytearray(f.read())
    if kind == "flipped":
        at = rng.randrange(len(data))
        data[at] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del data[rng.randrange(len(data)):]
    elif kind == "longer":
        data += b"\0" * 8
    elif kind == "empty":
        data.clear()
    with open(path, "wb") as f:
        f.write(data)


def corrupt_checkpoints(t, whole):
    rng = random.Random(3)
    stopped = t.stopped("corrupt")
    there = t.checkpoints(stopped, "first")
    t.check("two or three checkpoints are kept", 2 <= len(there) <= 3, there)
    for kind in ("flipped", "cut", "empty", "longer"):
        out = t.path("corrupt-" + kind)
        shutil.copytree(stopped, out)
        newest = t.checkpoints(out, "first")[-1]
        damage(newest, kind, rng)
        p = t.run(out, "--resume")
        t.check("newest checkpoint %s: passed over with a warning that names it" % kind,
                "warning" in p.stderr and os.path.basename(newest) in p.stderr, p.stderr)
        t.check("newest checkpoint %s: the same result" % kind, p.returncode == 0 and t.result(out) == whole, p.stderr)
    for name in ("all", "another"):
        out = t.path("corrupt-" + name)
        shutil.copytree(stopped, out)
        before = t.result(out)
        if name == "all":
            for path in t.checkpoints(out, "first"):
                damage(path, "flipped", rng)
            p = t.run(out, "--resume")
        else:
            p = t.run(out, "--resume", "--set", "seed=12")
        t.check("%s: exit 7" % {"all": "every checkpoint damaged", "another": "another seed"}[name], p.returncode == 7, p.stderr)
        t.check("and the partial result is untouched", t.result(out) == before)
    p = t.run(t.path("nothing-there"), "--resume")
    t.check("nothing to resume: exit 7, nothing made", p.returncode == 7 and not os.path.exists(t.path("nothing-there")), p.stderr)


def limit_file_size(size):
    def set_limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    return set_limit


def file_size_limit(t, whole):
    """Writes that fail at some size, as on a full disk: in the reserved parts (8 kB), in a checkpoint (1 MB)."""
    stopped = t.stopped("limit")
    before = {p: open(p, "rb").read() for p in t.checkpoints(stopped, "first")}
    for size in (8192, 1 << 20):
        out = t.path("limit%d" % size)
        shutil.copytree(stopped, out)
        p = t.run(out, "--resume", preexec_fn=limit_file_size(size))
        t.check("files limited to %d bytes: exit 5" % size, p.returncode == 5, "%d %s" % (p.returncode, p.stderr))
        t.check("files limited to %d bytes: the file is named" % size, os.path.basename(out) in p.stderr.splitlines()[-1], p.stderr)
        kept = {c: os.path.join(out, os.path.relpath(c, stopped)) for c in before}
        newer = t.checkpoints(out, "first")
        t.check("files limited to %d bytes: a valid checkpoint is left" % size, newer and all(
            not os.path.exists(k) or open(k, "rb").read() == before[c] for c, k in kept.items()), newer)
        code, text = t.info(out)
        t.check("files limited to %d bytes: the old result is whole" % size, code == 0 and "complete         no" in text, text)
        p = t.run(out, "--resume")
        t.check("files limited to %d bytes: resumed when there is room again" % size, p.returncode == 0 and t.result(out) == whole, p.stderr)
    p = t.run(t.path("limit-new"), preexec_fn=limit_file_size(8192))
    t.check("a new run with files of at most 8 kB: exit 5, before the first step", p.returncode == 5 and ": written" not in
            read_log(t.path("limit-new")), p.stderr)


def result_too_large(t):
    """Two tasks record 2.4 MB each; checkpoints are small; only result.h5 needs more than 4 MB."""
    second = SMALL[SMALL.index("[[task]]"):]
    file = t.write("records.toml", (SMALL + second.replace('"s"', '"r"')).replace("duration = 10.0", "duration = 625.0\nrecord = { every = 0.1 }"))
    out, whole = t.path("too-large"), t.path("large")
    t.check("a run with recordings", t.run(whole, file=file).returncode == 0)
    size = len(t.result(whole))
    t.check("its result needs more than 4 MB", size > 4 << 20, size)
    p = t.run(out, file=file, preexec_fn=limit_file_size(4 << 20))
    t.check("result.h5 cannot be written: exit 5, no result is left", p.returncode == 5 and "result.h5" in p.stderr and
            not os.path.exists(os.path.join(out, "result.h5")), "%d %s" % (p.returncode, p.stderr))
    p = t.run(out, "--resume", file=file)
    t.check("result.h5 cannot be written: nothing is lost", p.returncode == 0 and t.result(out) == t.result(whole), p.stderr)
    t.check("result.h5 cannot be written: nothing is computed again", read_log(out).count("checkpoint") > 0 and
            "resumed from checkpoint" in read_log(out), read_log(out))


def full_disk(t, whole):
    """A file system of 40 MB, filled while the run goes on. Needs the right to mount."""
    disk = t.path("disk")
    os.mkdir(disk)
    try:
        p = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", disk], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        problem = p.stdout.strip() if p.returncode else None
    except OSError as e:
        problem = str(e)
    if problem is not None:
        t.skip("full disk", "no file system can be mounted: %s" % problem)
        return
    try:
        out = os.path.join(disk, "out")
        p = t.start(out)
        watch(p, out, lambda log: log.count(": written") >= 2)
        filler = os.path.join(disk, "filler")
        with open(filler, "wb") as f:
            try:
                while True:
                    f.write(b"\0" * 65536)
                    f.flush()
            except OSError:
                pass
        _, err = p.communicate()
        t.check("full disk: exit 5", p.returncode == 5, err)
        os.unlink(filler)
        p = t.run(out, "--resume")
        t.check("full disk: resumed when there is room again", p.returncode == 0 and t.result(out) == whole, p.stderr)
        with open(filler, "wb") as f:
            f.truncate(0)
            os.posix_fallocate(f.fileno(), 0, 38 << 20) if shutil.disk_usage(disk).free > 39 << 20 else f.write(b"\0" * (20 << 20))
        big = t.run(os.path.join(disk, "big"), "--set", "task.first.record.every=0.05", "--set", "task.first.record.units=[%s]"
                    % ",".join(str(i) for i in range(200)))
        t.check("too little room: refused before the first step with the sizes", big.returncode == 5 and "needed" in big.stderr and
                "started" not in big.stderr, big.stderr)
    finally:
        subprocess.run(["umount", "-l", disk])


def bad_directories(t):
    file = t.write("a-file", "")
    cases = [("a parent that does not exist", os.path.join(t.directory, "absent", "out")),
             ("a file in the place of the directory", file), ("a place where nobody may write", "/proc/separatrix-test")]
    if os.geteuid() != 0:  # the superuser may write everywhere
        locked = t.path("locked")
        os.mkdir(locked, 0o555)
        cases += [("a read-only parent", os.path.join(locked, "out")), ("a read-only directory", locked)]
    for name, out in cases:
        p = t.run(out)
        t.check("%s: exit 5 before any step" % name, p.returncode == 5 and "started" not in p.stderr and out in p.stderr, p.stderr)
    out = t.path("finished")
    small = t.write("small.toml", SMALL)
    t.check("a small run", t.run(out, file=small).returncode == 0)
    before = t.result(out)
    p = t.run(out, file=small)
    t.check("a result is there: exit 5, --force is named, the result stays", p.returncode == 5 and "--force" in p.stderr and
            t.result(out) == before, p.stderr)
    p = t.run(out, "--force", "--set", "limits.time=\"1us\"", file=small)
    t.check("--force with an experiment that is refused: the old result stays", p.returncode == 2 and t.result(out) == before, p.stderr)
    t.check("--force: the same file again", t.run(out, "--force", file=small).returncode == 0 and t.result(out) == before)


SMALL = """[model]
kind = "linear"
n = 3
leak = 1.0
[noise]
kind = "additive"
D = 1.0
[[task]]
name = "s"
do = "simulate"
dt = 0.1
duration = 10.0
replicas = 16
"""

BLOW_UP = """[model]
kind = "composed"
n = 3
potential = "quartic"
a = 1.0
g = -1.0
[noise]
kind = "additive"
D = 0.2
[[task]]
name = "calm"
do = "simulate"
dt = 0.01
duration = 0.1
replicas = 40
[[task]]
name = "wild"
do = "simulate"
dt = 0.01
duration = 100.0
replicas = 40
"""


def blow_up(t):
    file = t.write("wild.toml", BLOW_UP)
    messages = set()
    for threads in ("1", "2", "3"):
        out = t.path("wild" + threads)
        p = t.run(out, "--threads", threads, file=file)
        message = p.stderr.splitlines()[-1] if p.stderr else ""
        t.check("blow-up, %s threads: exit 4" % threads, p.returncode == 4, p.stderr)
        t.check("blow-up: unit, replica, time and task are named", all(w in message for w in ("unit ", "replica ", "t = ", "'wild'", "step ")),
                message)
        messages.add(message)
        code, text = t.info(out)
        t.check("blow-up: the result so far says why it ends", code == 0 and "complete         no" in text and "calm" in text and
                "blow-up" in text, text)
    t.check("blow-up: the same message for any number of threads", len(messages) == 1, messages)


def limits(t):
    small = t.write("small.toml", SMALL)
    for name, setting in (("memory", "limits.memory=\"1kB\""), ("disk", "limits.disk=\"1kB\""), ("time", "limits.time=\"1us\"")):
        out = t.path("limits-" + name)
        p = t.run(out, "--set", setting, file=small)
        t.check("limits.%s exceeded: exit 2, with the estimate, nothing made" % name,
                p.returncode == 2 and name in p.stderr and not os.path.exists(out), p.stderr)


def no_memory(t):
    """Address space for the program but not for a coupling of 20000 x 20000 numbers (3.2 GB)."""
    huge = t.write("huge.toml", SMALL.replace("n = 3\n", "").replace("leak = 1.0\n",
                   "leak = 1.0\ncoupling = { ensemble = \"gaussian\", n = 20000, g = 0.5, self = \"zero\" }\n"))
    if b"__asan_init" in open(t.program, "rb").read():
        t.skip("out of memory", "the address sanitizer reserves all address space")
        return
    out = t.path("huge")
    p = t.run(out, "--threads", "1", file=huge, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)))
    t.check("out of memory: exit 6, the bytes are named, nothing made", p.returncode == 6 and "byte" in p.stderr and not os.path.exists(out),
            "%d %s" % (p.returncode, p.stderr))


def main():
    t = Tests()
    bad_directories(t)
    blow_up(t)
    limits(t)
    no_memory(t)
    result_too_large(t)
    p = t.run(t.path("whole"))
    if t.check("undisturbed run", p.returncode == 0, p.stderr):
        whole = t.result(t.path("whole"))
        corrupt_checkpoints(t, whole)
        file_size_limit(t, whole)
        full_disk(t, whole)
    t.end()


main()
