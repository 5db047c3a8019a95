# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of the examples share: running the program, reading result.h5 with h5py (not with our own reader), comparing.

Usage of every test: NAME.py PROGRAM. Exit 0: all comparisons hold; 1: one does not; 77: h5py or NumPy is missing (CTest: skipped)."""
import os
import subprocess
import sys
import tempfile

SKIP = 77
try:
    import h5py
    import numpy as np
except ImportError:  # another Python may have them: the one of the system packages
    other = "/usr/bin/python3"
    if os.path.exists(other) and os.path.realpath(sys.executable) != os.path.realpath(other) and "SX_SECOND_PYTHON" not in os.environ:
        os.environ["SX_SECOND_PYTHON"] = "1"
        os.execv(other, [other] + sys.argv)
    print("skipped: h5py and NumPy are not installed")
    sys.exit(SKIP)

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples")


class Check:
    """Collects comparisons; each is printed; `end` gives the exit code."""

    def __init__(self):
        self.failed = 0
        self.count = 0

    def _line(self, ok, what, text):
        self.count += 1
        self.failed += not ok
        print("%s  %-52s %s" % ("ok    " if ok else "FAILED", what, text))

    def true(self, what, condition, text=""):
        self._line(bool(condition), what, text)

    def near(self, what, value, want, tolerance):
        self._line(abs(value - want) <= tolerance, what, "%.10g, want %.10g +- %.2g" % (value, want, tolerance))

    def z(self, what, value, want, se, limit=5.0):
        """A statistical comparison: se is the predicted or measured standard error."""
        z = (value - want) / se
        self._line(abs(z) <= limit, what, "%.8g, predicted %.8g +- %.2g, z = %+.2f" % (value, want, se, z))

    def z_many(self, what, values, wants, ses, limit=5.0):
        """Many at once: the largest |z|, and the mean square of z, which is 1 when the errors are right (of n independent values its spread
        is sqrt(2/n); values that belong together spread more)."""
        z = (np.asarray(values) - wants) / ses
        text = "%d values, max |z| = %.2f, mean z^2 = %.2f" % (z.size, np.abs(z).max(), (z**2).mean())
        self._line(np.abs(z).max() <= limit and (z**2).mean() <= max(2, 1 + 5 * np.sqrt(2 / z.size)), what, text)

    def end(self):
        print("%d comparisons, %d failed" % (self.count, self.failed))
        return 1 if self.failed else 0


def run(program, example, directory, *args):
    """Run examples/EXAMPLE with the program into `directory`; returns the open result."""
    out = os.path.join(directory, "out%d" % len(os.listdir(directory)))
    command = [program, "run", os.path.join(EXAMPLES, example), "--out", out, "--quiet"]
    for a in args:
        command += ["--set", a]
    p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=900)
    if p.returncode != 0:
        sys.exit("%s: exit %d\n%s" % (" ".join(command), p.returncode, p.stderr))
    return h5py.File(os.path.join(out, "result.h5"), "r")


def main(test):
    check = Check()
    with tempfile.TemporaryDirectory() as directory:
        test(check, os.path.abspath(sys.argv[1]), directory)
    sys.exit(check.end())
