#!/usr/bin/env python3
# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""The grid of simulation 2 of Spisak & Friston: digits.toml at 20 levels of evidence and 19 inverse temperatures, one network a cell. Networks are
independent, so as many run at once as there are cores, each on one thread.

usage: grid.py PROGRAM [--out grid.csv] [--evidence 1,2,...] [--beta 0.01,...] [--seed 2] [--jobs N]

Columns: evidence, inverse temperature, gain of r^2 of retrieval and of generalisation, distinct attractors that settled (s and -s counted once), distinct
states among them, starts that did not settle, orthogonality (degrees; nan: fewer than two), |J - J^T| / |J|, |J|."""
import argparse
import concurrent.futures
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import time

import h5py

HERE = os.path.dirname(os.path.abspath(__file__))
COLUMNS = ["evidence", "inverse_temperature", "retrieval", "generalisation", "attractors", "states", "unsettled", "orthogonality", "asymmetry", "norm"]
EVIDENCE = [float(e) for e in range(1, 21)]
BETA = [10 ** (-2 + k / 9) for k in range(19)]


def cell(program, evidence, beta, seed, **more):
    """One network: the paper's measures. Target and start of relaxations scale with the evidence. more: "TASK.OPTION" = value."""
    scale = 0.1 * evidence
    change = {"seed": seed, "task.train.evidence": evidence, "task.train.inverse_temperature": beta, "task.train.attractor_scale": scale,
              "task.train.snapshots.n": 1, "task.train.free_steps": 0, "task.retrieval.strength": scale, "task.retrieval.trials": 100,
              "task.generalisation.strength": scale, "task.generalisation.trials": 100, "task.retrieval.start": "previous", "task.generalisation.start": "previous"}
    change.update({"task." + key: value for key, value in more.items()})
    with tempfile.TemporaryDirectory() as out:
        command = [program, "run", os.path.join(HERE, "digits.toml"), "--out", out, "--force", "--threads", "1", "--quiet", "--no-report"]
        for key, value in change.items():
            command += ["--set", "%s=%s" % (key, json.dumps(value))]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        with h5py.File(os.path.join(out, "result.h5"), "r") as f:
            g = f["train"]
            return [evidence, beta, f["retrieval"]["r2_gain"][()], f["generalisation"]["r2_gain"][()], int(g["n_attractors"][()]),
                    len(g["hits"]) if "hits" in g else 0, int(g["n_unsettled"][()]), g["orthogonality"][()] if "orthogonality" in g else math.nan, g["asymmetry"][-1], g["norm"][-1]]


def grid(program, evidence=EVIDENCE, beta=BETA, seed=2, jobs=os.cpu_count()):
    """Every cell has random numbers of its own: cells that share them make the same mistakes, and medians over them say little."""
    cells = [(e, b, 1000 * seed + k) for k, (e, b) in enumerate((e, b) for e in evidence for b in beta)]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda at: cell(program, *at), cells))


def main():
    numbers = lambda text: [float(t) for t in text.split(",")]
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("--out", default="grid.csv")
    p.add_argument("--evidence", type=numbers, default=EVIDENCE)
    p.add_argument("--beta", type=numbers, default=BETA)
    p.add_argument("--seed", type=int, default=2)
    p.add_argument("--jobs", type=int, default=os.cpu_count())
    a = p.parse_args()
    begin = time.monotonic()
    rows = grid(a.program, a.evidence, a.beta, a.seed, a.jobs)
    with open(a.out, "w", newline="", encoding="utf-8") as f:
        w = csv.writer(f)
        w.writerow(COLUMNS)
        w.writerows(["%.6g" % v for v in row] for row in rows)
    print("%d networks in %.0f s: %s" % (len(rows), time.monotonic() - begin, a.out), file=sys.stderr)


if __name__ == "__main__":
    main()
