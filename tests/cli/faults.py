# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""What the fault tests share: an experiment that uses every observer, starting and watching the program, comparing results byte for byte
(result.h5 holds no times or host names, so equal runs are equal files)."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# Two tasks; dense coupling (one segment is some tens of milliseconds), two schemes, all sections of the state, stored recordings.
EXPERIMENT = """title = "Faults"
seed = 11
[model]
kind = "rate"
phi = "tanh"
coupling = { ensemble = "gaussian", n = 500, g = 1.2, self = "zero" }
[noise]
kind = "additive"
D = 0.05
[[task]]
name = "first"
do = "simulate"
method = "euler-maruyama"
dt = 0.05
burn_in = 2.0
duration = 80.0
replicas = 24
initial = { kind = "gaussian", mean = 0.0, sd = 0.5 }
sample_every = 0.1
record = { every = 1.0, units = [0, 7, 499] }
max_lag = 40.0
psd = true
psd_window = 64
histogram_bins = 50
units = [0, 1, 2, 3, 4, 5, 6, 7]
first_passage = [ { name = "up", unit = [3], above = 2.0 } ]
[[task]]
name = "second"
do = "simulate"
method = "heun"
dt = 0.05
duration = 8.0
replicas = 24
initial = { kind = "uniform", lo = -1.0, hi = 1.0 }
covariance = true
record = { every = 0.5, dtype = "f32", units = [1, 2] }
"""


class Tests:
    def __init__(self):
        self.program = os.path.abspath(sys.argv[1])
        self.directory = tempfile.mkdtemp()
        self.file = self.write("faults.toml", EXPERIMENT)
        self.failed = 0

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def path(self, name):
        return os.path.join(self.directory, name)

    def check(self, what, ok, detail=""):
        print("%s  %s%s" % ("ok    " if ok else "FAILED", what, "" if ok or not detail else ": " + str(detail).strip()[:2000]), flush=True)
        self.failed += not ok
        return ok

    def skip(self, what, reason):
        print("skip    %s: %s" % (what, reason), flush=True)

    def command(self, out, *args, file=None):
        return [self.program, "run", file or self.file, "--out", out, "--no-report", "--checkpoint-interval", "0", *args]

    def start(self, out, *args, **options):
        return subprocess.Popen(self.command(out, *args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def run(self, out, *args, file=None, **options):
        return subprocess.run(self.command(out, *args, file=file), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600,
                              **options)

    def result(self, out):
        with open(os.path.join(out, "result.h5"), "rb") as f:
            return f.read()

    def info(self, out):
        p = subprocess.run([self.program, "info", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return p.returncode, p.stdout

    def checkpoints(self, out, task):
        """Paths of the checkpoints of a task, oldest first."""
        found = []
        for root, _, files in os.walk(os.path.join(out, "checkpoints")):
            found += [os.path.join(root, f) for f in files if f.startswith(task + ".") and f.endswith(".checkpoint")]
        return sorted(found, key=os.path.basename)

    def stopped(self, name, after=3):
        """A directory with a run stopped by SIGTERM in the first task after some checkpoints."""
        out = self.path(name)
        p = self.start(out)
        watch(p, out, lambda log: log.count(": written") >= after)
        p.send_signal(signal.SIGTERM)
        p.communicate()
        self.check("%s: stopped with exit 75" % name, p.returncode == 75, p.returncode)
        return out

    def end(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        print("failed: %d" % self.failed)
        sys.exit(1 if self.failed else 0)


def read_log(out):
    try:
        with open(os.path.join(out, "log.txt"), errors="replace") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def watch(process, out, condition, limit=120.0):
    """Wait until the log fulfils the condition; False when the process ended before."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if condition(read_log(out)):
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.001)
    process.kill()
    sys.exit("nothing happened for %g s" % limit)
