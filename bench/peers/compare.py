# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Separatrix beside its peers on the problems of problems.py: checks the law, times, prints the table, writes results.json.

usage: compare.py EXE [--problems dense,small,ou,single10,single100,lorenz,lorenz_ode] [--threads 1,2] [--seconds 1] [--rounds 6]

One process per tool stays alive, and in every round each tool gets one turn, so that all see the same drift of the machine's load. A turn
is a run of K1 and one of K2 steps; the time of a step is (t2 - t1) / (K2 - K1) with the least t1 and the least t2 of all rounds: what
happens once (start, compilation, reading, the initial state, writing) drops out. Wall and CPU time are both kept."""
import argparse
import contextlib
import json
import math
import os
import platform
import subprocess
import sys
import tempfile

import numpy as np
from scipy.integrate import solve_ivp

import problems

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = {  # name: script, variant, problems
    "Separatrix": ("peer_separatrix.py", "", ("dense", "small", "ou", "single10", "single100")),
    "Separatrix, text": ("peer_separatrix.py", "text", ("dense", "small", "single10", "single100", "lorenz", "lorenz_ode")),
    "Separatrix, compiled text": ("peer_separatrix.py", "compiled", ("dense", "small", "single10", "single100", "lorenz", "lorenz_ode")),
    "NumPy": ("peer_numpy.py", "", ("dense", "small", "ou")),
    "PyTorch eager": ("peer_torch.py", "eager", ("dense", "small", "ou")),
    "PyTorch compile": ("peer_torch.py", "compile", ("dense", "small", "ou")),
    "Diffrax": ("peer_diffrax.py", "", ("dense", "small", "ou")),
    "torchsde": ("peer_torchsde.py", "", ("dense", "small", "ou")),
    "JiTCSDE, step held": ("peer_jitcsde.py", "fixed", ("single10", "single100", "lorenz")),
    "JiTCSDE, adaptive": ("peer_jitcsde.py", "adaptive", ("single10", "single100", "lorenz")),
    "JiTCODE": ("peer_jitcode.py", "", ("lorenz_ode",)),
}
CHECK_STEPS = 40
CHECK_TRAJECTORIES = 4000  # of JiTCSDE, over the number of units
ODE_ERROR = 1e-6  # of the mean square of the last state, relative, as if it were a standard error
MOST_STEPS = 200_000


class Failed(Exception):
    pass


class Worker:
    """A peer's process; see problems.serve."""

    def __init__(self, script, config, threads, log):
        cpus = sorted(os.sched_getaffinity(0))
        env = dict(os.environ, TORCHINDUCTOR_CACHE_DIR=tempfile.mkdtemp(prefix="inductor-", dir=config["folder"]))  # compile anew
        for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR"):
            env[f"{name}_NUM_THREADS"] = str(threads)
        self.log = log
        self.config = config
        with open(log, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen([sys.executable, os.path.join(HERE, script), json.dumps(config)], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=errors, text=True, env=env,
                                            preexec_fn=lambda: os.sched_setaffinity(0, cpus[-threads:]))
        hello = self.read()
        self.version, self.compile = hello["version"], hello["compile"]
        self.times = {}  # steps: [(wall, cpu)]
        self.facts = {}

    def read(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.process.wait()
        with open(self.log, encoding="utf-8", errors="replace") as f:
            last = [text.strip() for text in f if text.strip()]
        raise Failed(last[-1][:160] if last else f"exit code {self.process.returncode}")

    def run(self, steps, **more):
        try:
            self.process.stdin.write(json.dumps({"steps": steps, **more}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.read()
        if "options" not in more:
            self.times.setdefault(steps, []).append((answer["seconds"], answer["cpu"]))
            if "own_steps" in answer:
                self.facts[steps] = answer["own_steps"]
        return answer

    def least(self, steps, column=0):
        return min(t[column] for t in self.times[steps])

    def close(self):
        with contextlib.suppress(BrokenPipeError):  # it may be dead already
            self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def reference(name, folder, config, continuous):
    """(variance of the last state, its standard error): exact for the linear problem, NumPy for the others, with other random numbers and,
    for the law in continuous time, at dt/8."""
    if name == "ou":
        return problems.ou_variance(CHECK_STEPS), 0.0
    if name == "lorenz_ode":
        x = solve_ivp(lambda t, x: problems.lorenz(*x), (0, CHECK_STEPS * config["dt"]), np.ones(3), "DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
        return float(np.mean(x**2)), ODE_ERROR * float(np.mean(x**2))
    fine = dict(config, dt=problems.DT / (8 if continuous else 1), replicas={1000: 256, 100: 2000}.get(config["n"], 20_000))
    worker = Worker("peer_numpy.py", fine, 1, os.path.join(folder, "reference.log"))
    try:
        answer = worker.run(CHECK_STEPS * (8 if continuous else 1), check=True)
    finally:
        worker.close()
    return answer["moment"], answer["se"]


def check_law(worker, tool, name, laws, folder):
    """z of the variance at t = 2. A tool that integrates single trajectories is checked on many of them."""
    mine = tool.startswith("Separatrix")
    single = worker.config["replicas"] == 1 and name != "lorenz_ode"
    if tool == "NumPy" and name != "ou":
        return None
    if single and mine:
        many = Worker("peer_separatrix.py", dict(worker.config, replicas=4096), 1, os.path.join(folder, "many.log"))
        try:
            got = many.run(CHECK_STEPS, check=True)
        finally:
            many.close()
    elif single:
        got = worker.run(CHECK_STEPS, check=True, options={"trajectories": CHECK_TRAJECTORIES // worker.config["n"]})
    else:
        got = worker.run(CHECK_STEPS, check=True)
    want, se = laws["continuous" if single and not mine else "euler"]
    return (got["moment"] - want) / math.hypot(got["se"], se)


def prepare(worker, row, seconds):
    """Compile, warm up, and choose K1 and K2 so that a turn takes about `seconds`, judged by CPU time: the machine may be shared."""
    first, again = worker.run(2), worker.run(2)
    compiling = max(0.0, first["seconds"] - again["seconds"])
    row["compile_s"] = worker.compile if worker.compile is not None else compiling
    base, k = min(first["cpu"], again["cpu"]) / worker.config["threads"], 40
    while True:
        t = worker.run(k)["cpu"] / worker.config["threads"]
        if t - base > 0.25 * seconds or k >= MOST_STEPS:
            break
        k = min(MOST_STEPS, k * (8 if t - base < 0.03 * seconds else 3))
    per = max((t - base) / k, 1e-9)
    k2 = int(min(MOST_STEPS, max(8, 0.85 * seconds / per)))
    return max(2, k2 // 6), k2


def measure(name, threads, folder, args):
    p = problems.PROBLEMS[name]
    single = p["replicas"] == 1 and name != "lorenz_ode"
    n = p["n"]
    weights = os.path.join(folder, f"weights{n}.npy")
    equation = p.get("equation", "network")
    if equation == "network":
        np.save(weights, problems.G / math.sqrt(n) * np.random.default_rng(7).standard_normal((n, n)))
    common = {"problem": name, "n": n, "replicas": p["replicas"], "threads": threads, "weights": weights, "folder": folder,
              "equation": equation, "exe": os.path.abspath(args.exe), **{k: p[k] for k in ("dt", "noise") if k in p}}
    laws = {"euler": reference(name, folder, common, False)}
    if single:
        laws["continuous"] = reference(name, folder, common, True)
    rows, live = [], []
    for tool, (script, variant, does) in TOOLS.items():
        if name not in does:
            continue
        row = {"problem": name, "tool": tool, "threads": threads}
        rows.append(row)
        print(f"  {name}, {threads} threads: {tool}", file=sys.stderr)
        try:
            worker = Worker(script, dict(common, variant=variant), threads, os.path.join(folder, f"{tool}.log"))
            row["version"] = worker.version
            row["k"] = prepare(worker, row, args.seconds)
            row["z"] = check_law(worker, tool, name, laws, folder)
            live.append((row, worker))
        except Failed as error:
            row["failed"] = str(error)
    for _ in range(args.rounds):
        for row, worker in live:
            if "failed" in row:
                continue
            try:
                for k in row["k"]:
                    worker.run(k)
            except Failed as error:
                row["failed"] = str(error)
    for row, worker in live:
        worker.close()
        if "failed" in row:
            continue
        k1, k2 = row["k"]
        row["s_per_step"] = (worker.least(k2) - worker.least(k1)) / (k2 - k1)
        row["cpu_s_per_step"] = (worker.least(k2, 1) - worker.least(k1, 1)) / (k2 - k1)
        row["start_s"] = worker.least(k1) - k1 * row["s_per_step"]
        row["ns_per_unit_step"] = 1e9 * row["s_per_step"] / n / p["replicas"]
        if worker.facts:
            row["own_steps_per_step"] = worker.facts[k2] / k2
    return rows


def finish(rows):
    """Ratios to Separatrix on the same problem with the same threads: to the built-in model, or to the compiled text where there is none."""
    mine = {}
    for tool in ("Separatrix, compiled text", "Separatrix"):
        mine.update({(r["problem"], r["threads"]): r for r in rows if r["tool"] == tool and "s_per_step" in r})
    for r in rows:
        m = mine.get((r["problem"], r["threads"]))
        if m and "s_per_step" in r:
            r["ratio"] = r["s_per_step"] / m["s_per_step"]
            r["cpu_ratio"] = r["cpu_s_per_step"] / m["cpu_s_per_step"]
        z = r.get("z")
        r["law"] = "reference" if z is None else "right" if abs(z) <= 5 else "WRONG"


def table(rows):
    lines = ["| problem | tool | threads | compile s | s/step | ns per unit and step | times Separatrix | by CPU time | law (z) |",
             "|---|---|---:|---:|---:|---:|---:|---:|---|"]
    for r in rows:
        head = f"| {r['problem']} | {r['tool']} | {r['threads']} |"
        if "failed" in r:
            lines.append(f"{head} not measured: {r['failed']} | | | | | |")
            continue
        z = "reference" if r["z"] is None else f"{r['law']} ({r['z']:+.1f})"
        cpu = f"{r['cpu_ratio']:.2f}" if "ratio" in r else ""
        ratio = f"{r['ratio']:.2f}" if "ratio" in r else ""
        compile_s = "-" if r["tool"] in ("Separatrix", "Separatrix, text") else f"{r['compile_s']:.2f}"
        lines.append(f"{head} {compile_s} | {r['s_per_step']:.3e} | {r['ns_per_unit_step']:.2f} | {ratio} | {cpu} | {z} |")
    return "\n".join(lines)


def notes(rows):
    out = []
    for r in rows:
        if "own_steps_per_step" in r:
            out.append(f"{r['tool']} ({r['problem']}): {r['own_steps_per_step']:.4g} steps of its own per 0.05 of time; its times are per 0.05.")
    return out


def aims(rows):
    """At least 1.3 times PyTorch (its faster variant) on the dense ensemble, at least 10 times each of the others."""
    out = []
    for problem, threads in sorted({(r["problem"], r["threads"]) for r in rows}):
        here = {r["tool"]: r for r in rows if (r["problem"], r["threads"]) == (problem, threads) and "ratio" in r}
        torch = [here[t]["ratio"] for t in ("PyTorch eager", "PyTorch compile") if t in here]
        if problem == "dense" and torch:
            cpu = min(here[t]["cpu_ratio"] for t in ("PyTorch eager", "PyTorch compile") if t in here)
            out.append((f"dense, {threads} threads: PyTorch", 1.3, min(torch), cpu))
        for tool, r in here.items():
            if not tool.startswith(("Separatrix", "PyTorch")):
                out.append((f"{problem}, {threads} threads: {tool}", 10.0, r["ratio"], r["cpu_ratio"]))
    return [f"{what}: aim {aim:g}, measured {got:.2f} (by CPU time {cpu:.2f}): {'met' if got >= aim else 'NOT met'}"
            for what, aim, got, cpu in out]


def machine():
    model = ""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "")
    return {"cpu": model, "cpus": len(os.sched_getaffinity(0)), "system": platform.system(), "python": platform.python_version()}


def main():
    parser = argparse.ArgumentParser(description="Separatrix beside its peers")
    parser.add_argument("exe")
    parser.add_argument("--problems", default=",".join(problems.PROBLEMS))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one turn")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--out", default=os.path.join(HERE, "results.json"))
    args = parser.parse_args()
    names = args.problems.split(",")
    if unknown := [p for p in names if p not in problems.PROBLEMS]:
        parser.error(f"unknown problem {unknown[0]}; there are {', '.join(problems.PROBLEMS)}")
    rows, load = [], [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory(prefix="separatrix-peers-") as folder:
        for name in names:
            for threads in [int(t) for t in args.threads.split(",")]:
                if problems.PROBLEMS[name]["replicas"] == 1 and threads > 1:
                    continue  # one trajectory of a few units is serial work everywhere
                rows += measure(name, threads, folder, args)
                load.append(os.getloadavg()[0])
                finish(rows)
                with open(args.out, "w", encoding="utf-8") as f:
                    json.dump({"machine": machine(), "load": load, "rows": rows}, f, indent=1)
    print("Separatrix beside its peers: float64, Euler-Maruyama, dt = 0.05, only the last state kept; compilation apart.")
    m = machine()
    print(f"{m['cpu']}, {m['cpus']} CPUs; load average {min(load):.1f} to {max(load):.1f}")
    versions = {r["tool"].split(",")[0]: r["version"] for r in rows if "version" in r}
    print("; ".join(f"{tool} {v}" for tool, v in versions.items()), end="\n\n")
    print(table(rows), end="\n\n")
    print("\n".join(notes(rows) + aims(rows)))
    return 1 if any(r["law"] == "WRONG" for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
