#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the code blocks of the documentation.

    doc_tests.py BUILD [--source DIR] [--cc CC] [--flags FLAGS] [PAGE]...

BUILD holds the program and the libraries. The blocks of a page run in order in one temporary directory, in which `examples` leads to the
examples of the source. What is run:

    toml      a complete experiment: `separatrix check`; with :caption: NAME it is also saved under that name for later blocks
    sh        by `sh -eu`, with the program on PATH
    c         a complete program: compiled with warnings as errors, linked with both libraries, run
    python    when the modules it imports are there, else skipped with the reason

Blocks with :class: fragment are not run. :class: exit-N means that the block must end with exit code N. :class: needs-PROGRAM skips where
PROGRAM is missing. Indented blocks and blocks in other languages are text. A page without a block is fine; a block without a language is not."""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

FENCE = re.compile(r"^(`{3,})(\{code-block\}\s*)?(\S*).*$")
TEXT = {"text", "toml-text", "{include}", "{toctree}", "{eval-rst}"}
RUN = {"toml", "sh", "c", "python"}


class Block:
    def __init__(self, page, line, language):
        self.page, self.line, self.language = page, line, language
        self.classes, self.caption, self.lines = [], None, []

    def place(self):
        return "%s:%d" % (self.page, self.line)


def blocks_of(page, text):
    block = fence = None
    options = False
    for number, line in enumerate(text.split("\n"), 1):
        match = FENCE.match(line)
        if block is None:
            if match and match[3]:
                block, fence, options = Block(page, number, match[3]), match[1], bool(match[2])
            elif match:
                sys.exit("%s:%d: a code block without a language" % (page, number))
        elif line.strip() == fence:
            yield block
            block = None
        elif options and re.match(r"^:\w+:", line):
            key, value = re.match(r"^:(\w+):\s*(.*)$", line).groups()
            if key == "class":
                block.classes = value.split()
            elif key == "caption":
                block.caption = value.strip()
        elif options and not line.strip() and not block.lines:
            options = False
        else:
            options = False
            block.lines.append(line)
    if block is not None:
        sys.exit("%s: the block is not closed" % block.place())


class Runner:
    def __init__(self, args):
        self.build = os.path.abspath(args.build)
        self.source = os.path.abspath(args.source)
        self.cc, self.flags = args.cc, args.flags.split()
        self.python = self.find_python()
        self.ran = self.skipped = 0
        self.problems = []
        self.environment = dict(os.environ, PATH=self.build + os.pathsep + os.environ["PATH"], SX_SOURCE=self.source, LC_ALL="C.UTF-8")

    @staticmethod
    def find_python():
        """The first Python with h5py and xarray, else this one."""
        for python in (sys.executable, "/usr/bin/python3"):
            if os.path.exists(python) and subprocess.run([python, "-c", "import h5py, xarray"], stderr=subprocess.DEVNULL).returncode == 0:
                return python
        return sys.executable

    def command(self, block, directory, command, stdin=None):
        wanted = next((int(c[5:]) for c in block.classes if re.match(r"^exit-\d+$", c)), 0)
        done = subprocess.run(command, cwd=directory, env=self.environment, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        self.ran += 1
        if done.returncode != wanted:
            output = done.stdout.decode(errors="replace")
            self.problems.append("%s: exit code %d, want %d\n%s" % (block.place(), done.returncode, wanted, output[-3000:]))

    def skip(self, block, reason):
        self.skipped += 1
        print("skipped %s: %s" % (block.place(), reason))

    def run_c(self, block, directory, text):
        if "int main(" not in text:
            self.problems.append("%s: no main; a fragment needs :class: fragment" % block.place())
            return
        with open(os.path.join(directory, "block.c"), "w") as f:
            f.write(text)
        self.command(block, directory, ["sh", "-c", '"$@" && ./block', "sh", self.cc, "-std=c11", "-Wall", "-Wextra", "-Wpedantic",
                                        "-Wno-missing-field-initializers", "-Werror", *self.flags, "-I", os.path.join(self.source, "include"),
                                        "block.c", "-o", "block", "-L", self.build, "-lseparatrix-io", "-lseparatrix", "-lm", "-Wl,-rpath," + self.build])

    def run_python(self, block, directory, text):
        modules = [m for m in ("h5py", "xarray", "h5netcdf") if m in text]
        for module in modules:
            probe = subprocess.run([self.python, "-c", "import " + module], stderr=subprocess.DEVNULL)
            if probe.returncode != 0:
                return self.skip(block, "Python has no " + module)
        self.command(block, directory, [self.python, "-"], text.encode())

    def run(self, block, directory):
        text = "\n".join(block.lines) + "\n"
        if block.language not in RUN | TEXT:
            self.problems.append("%s: a block in the language '%s'" % (block.place(), block.language))
            return
        needs = next((c[6:] for c in block.classes if c.startswith("needs-")), None)
        if block.language in TEXT or "fragment" in block.classes:
            return
        if needs and not shutil.which(needs):
            self.skip(block, "there is no program " + needs)
        elif block.language == "toml":
            name = block.caption or "block.toml"
            with open(os.path.join(directory, name), "w") as f:
                f.write(text)
            self.command(block, directory, ["separatrix", "check", name])
        elif block.language == "sh":
            self.command(block, directory, ["sh", "-eu"], text.encode())
        elif block.language == "c":
            self.run_c(block, directory, text)
        else:
            self.run_python(block, directory, text)


def pages(source):
    for root, dirs, files in os.walk(os.path.join(source, "docs")):
        dirs[:] = sorted(d for d in dirs if not d.startswith(("_", ".")))
        for name in sorted(files):
            if name.endswith(".md"):
                yield os.path.join(root, name)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("--source", default=os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--flags", default="")
    parser.add_argument("pages", nargs="*")
    args = parser.parse_intermixed_args()
    runner = Runner(args)
    for path in pages(args.source):
        page = os.path.relpath(path, args.source)
        if args.pages and not any(p in page for p in args.pages):
            continue
        start, before = time.time(), runner.ran
        with tempfile.TemporaryDirectory() as directory, open(path) as f:
            os.symlink(os.path.join(runner.source, "examples"), os.path.join(directory, "examples"))
            for block in blocks_of(page, f.read()):
                runner.run(block, directory)
        if runner.ran > before:
            print("%-32s %2d blocks, %.1f s" % (page, runner.ran - before, time.time() - start))
    for problem in runner.problems:
        print("FAILED " + problem)
    print("%d blocks run, %d skipped, %d failed" % (runner.ran, runner.skipped, len(runner.problems)))
    return 1 if runner.problems or runner.ran == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
