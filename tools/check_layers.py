#!/usr/bin/env python3
"""Includes go down the ranks only: every #include "folder/..." and <separatrix/...> of a source must be of its own folder or of one below;
siblings never include each other; leaves see public headers, core and io only. `--self-test` proves that a violation is seen."""
import pathlib
import re
import sys

RANKS = {"core": 0, "models": 1, "run": 2, "analysis": 3, "theory": 3, "learn": 3, "fields": 3, "io": 4, "experiment": 5,
         "report": 6, "view": 6, "cli": 6}
LEAVES = {"report", "view", "cli"}
# The lowest folder that implements each public header; headers may be included from that rank upwards. io reads and writes results
# only, so it needs core alone.
HEADERS = {"status": "core", "context": "core", "random": "core", "vmath": "core", "field": "core", "result": "core", "model": "models",
           "noise": "models", "activation": "models", "cell": "models", "samplers": "models", "coupling": "models", "equations": "models", "models": "models", "attention": "models", "plugin": "models", "reentry": "models", "hopfield": "models", "task": "run", "simulate": "run", "fixed_points": "analysis", "orbits": "analysis", "basins": "analysis",
           "spectrum": "analysis", "lyapunov": "analysis", "response": "analysis", "learn": "learn", "recall": "learn", "io": "io",
           "experiment": "experiment", "report": "report", "separatrix": "analysis"}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<separatrix/([a-z_]+)\.h>)', re.M)


def violations(folder, name, text):
    for match in INCLUDE.finditer(text):
        private, public = match.groups()
        if public:
            target = HEADERS.get(public)
            if target is None:
                yield f"{name}: <separatrix/{public}.h> is not in the table of tools/check_layers.py"
                continue
            what = f"<separatrix/{public}.h>"
            if folder in LEAVES and public != "report":
                continue  # leaves see every public header
        else:
            target = private.split("/")[0] if "/" in private else folder
            what = f'"{private}"'
            if target not in RANKS:
                continue  # a system library's header with a folder
            if folder in LEAVES and target not in (folder, "core", "io"):
                yield f"{name}: {what}: {folder}/ sees public headers, core and io only"
                continue
        if target == folder:
            continue
        if RANKS[target] >= RANKS[folder] and not (folder == "cli" and public):
            yield f"{name}: {what}: {folder}/ (rank {RANKS[folder]}) may not include {target}/ (rank {RANKS[target]})"


def main():
    if "--self-test" in sys.argv:
        assert list(violations("core", "x.c", '#include "run/task.h"\n')), "an upward include was not seen"
        assert list(violations("analysis", "x.c", '#include "learn/rule.h"\n')), "a sibling include was not seen"
        assert list(violations("report", "x.c", '#include "run/checkpoint.h"\n')), "a leaf looking inside was not seen"
        assert not list(violations("run", "x.c", '#include "core/file.h"\n#include <separatrix/model.h>\n'))
        print("check_layers: violations are seen")
        return 0
    top = pathlib.Path(__file__).resolve().parent.parent
    bad = []
    openmp = []
    stems = {}
    for path in sorted((top / "src").rglob("*")):
        if path.suffix not in (".c", ".h", ".cpp"):
            continue
        folder = path.relative_to(top / "src").parts[0]
        text = path.read_text()
        name = str(path.relative_to(top))
        bad += list(violations(folder, name, text))
        if re.search(r"#\s*pragma\s+omp|omp\.h", text):
            openmp.append(name)
        if path.suffix != ".h":
            stems.setdefault(path.stem, []).append(name)
    bad += [f"OpenMP outside src/core/parallel.c: {name}" for name in openmp if name != "src/core/parallel.c"]
    bad += [f"two sources share the stem '{stem}': {', '.join(names)}" for stem, names in stems.items() if len(names) > 1]
    print("\n".join(bad) if bad else "check_layers: ok")
    return 1 if bad else 0


sys.exit(main())
