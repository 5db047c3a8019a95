# SPDX-FileCopyrightText: Separatrix authors
# SPDX-License-Identifier: Apache-2.0
"""Malformed experiments: (name, text, exit code, texts that the message must contain[, files beside it]).

In the text, @@ marks the place that the message must name as experiment.toml:LINE:COLUMN; it is taken out before the program sees it.
Without a mark no place is asked for. Add cases freely."""

MODEL = """[model]
kind = "rate"
coupling = { ensemble = "gaussian", n = 8, g = 0.5 }
"""
NOISE = """[noise]
kind = "additive"
D = 0.1
"""
TASK = """[[task]]
name = "traj"
do = "simulate"
duration = 1.0
dt = 0.1
"""
GOOD = MODEL + NOISE + TASK


def task(lines):
    return MODEL + NOISE + '[[task]]\nname = "traj"\ndo = "simulate"\n' + lines


def second(lines):
    return GOOD + '[[task]]\nname = "again"\ndo = "simulate"\nduration = 1.0\n' + lines


def learned(lines):
    """Three networks, two snapshots; a second task that takes one of them."""
    return ('[data.p]\nvalues = [[1, -1], [1, 1]]\n[model]\nkind = "free-energy"\nn = 2\n[noise]\nkind = "none"\n[[task]]\nname = "train"\ndo = "learn"\n'
            'data = "p"\nepochs = 4\nnetworks = 3\nsnapshots = { n = 2 }\n[[task]]\nname = "again"\ndo = "recall"\ndata = "p"\n' + lines)


def noise(lines):
    return MODEL + "[noise]\n" + lines + TASK


def model(lines):
    return "[model]\n" + lines + NOISE + TASK


def coupling(lines, files=None):
    return '[model]\nkind = "rate"\n' + lines + NOISE + TASK


M3 = "a,b,c\n0,1,0\n0,0,1\n1,0,0\n"
L3 = ",a,b,c\na,0,1,0\nb,0,0,1\nc,1,0,0\n"
L2 = ",a,b\na,0,1\nb,1,0\n"
FILE3 = 'coupling = { file = "w.csv", rows = "target", header = true, labels = "first-column" }\n'

D2 = "1,2,3\n4,5,5\n"

CASES = [
    # -- TOML itself
    ("empty", "", 2, ["[model] is missing"]),
    ("toml-syntax", "seed = = 1\n" + GOOD, 2, ["experiment.toml:1:"]),
    ("toml-duplicate-key", "seed = 1\nseed = 2\n" + GOOD, 2, ["experiment.toml:2:", "seed"]),
    ("toml-unclosed-string", 'title = "x\n' + GOOD, 2, ["experiment.toml:1:"]),
    ("toml-not-utf8", b"title = \"\xff\"\n" + GOOD.encode(), 2, ["experiment.toml:1:", "UTF-8"]),
    # -- top level
    ("top-unknown-key", "@@sed = 1\n" + GOOD, 2, ["unknown key 'sed'", "did you mean 'seed'", "Known:"]),
    ("top-unknown-section", GOOD + "[@@modell]\nkind = 'rate'\n", 2, ["unknown key 'modell'", "'model'"]),
    ("seed-negative", "seed = @@-1\n" + GOOD, 2, ["seed = -1", "integer"]),
    ("seed-float", "seed = @@1.0\n" + GOOD, 2, ["seed = 1.0", "integer"]),
    ("seed-string", 'seed = @@"one"\n' + GOOD, 2, ['seed = "one"', "integer"]),
    ("seeds-unknown", "seeds = { @@niose = 1 }\n" + GOOD, 2, ["unknown key 'niose'", "'noise'"]),
    ("title-number", "title = @@3\n" + GOOD, 2, ["title = 3", "string"]),
    ("units-seconds", 'units = { time = @@"seconds" }\n' + GOOD, 2, ["seconds", '"s"', "dates"]),
    ("units-milliseconds", 'units = { time = @@"milliseconds" }\n' + GOOD, 2, ["milliseconds", '"ms"']),
    ("units-days", 'units = { time = @@"days" }\n' + GOOD, 2, ["days", '"d"']),
    ("units-since", 'units = { time = @@"h since 2000" }\n' + GOOD, 2, ["since", "dates"]),
    ("units-unknown", 'units = { @@tme = "ms" }\n' + GOOD, 2, ["unknown key 'tme'", "'time'"]),
    ("sweep", GOOD + "@@[sweep]\nrealisations = 4\n", 2, ["sweeps come with a later version"]),
    # -- limits
    ("limits-unknown", GOOD + '[limits]\n@@tiem = "8h"\n', 2, ["unknown key 'tiem'", "'time'"]),
    ("limits-no-suffix", GOOD + '[limits]\ntime = @@"8"\n', 2, ['time = "8"', "8h"]),
    ("limits-number", GOOD + "[limits]\ndisk = @@20\n", 2, ["disk = 20", "20GB"]),
    ("limits-bad-suffix", GOOD + '[limits]\nmemory = @@"20XB"\n', 2, ['memory = "20XB"', "GB"]),
    ("limits-runs-zero", GOOD + "[limits]\nruns = @@0\n", 2, ["runs = 0", "integer >= 1"]),
    ("limits-memory-exceeded", GOOD + '[limits]\nmemory = @@"1MB"\n', 2, ["limits.memory", "would need", "nothing was started"]),
    ("limits-disk-exceeded", GOOD + '[limits]\ndisk = @@"1kB"\n', 2, ["limits.disk", "would need"]),
    ("limits-time-exceeded", GOOD.replace("duration = 1.0", "duration = 1e9") + '[limits]\ntime = @@"1s"\n', 2,
     ["limits.time", "would need"]),
    # -- model
    ("model-missing", NOISE + TASK, 2, ["[model] is missing"]),
    ("model-kind-missing", "@@[model]\ngain = 1.0\n" + NOISE + TASK, 2, ["'kind' is missing"]),
    ("model-kind-unknown", model('kind = @@"raet"\n'), 2, ["unknown model kind 'raet'", "did you mean 'rate'", "this version has"]),
    ("model-kind-later", model('kind = @@"phi4"\n'), 2, ["'phi4' comes with a later version", "linear, rate, composed"]),
    ("hopfield-gain", model('kind = "hopfield"\nn = 2\ngain = @@0.0\n'), 2, ["gain = 0", "(0, inf)"]),
    ("hopfield-no-size", model('kind = "hopfield"\n'), 2, ["model.n is missing"]),
    ("dense-hopfield-no-patterns", model('kind = "dense-hopfield"\n'), 2, ["exactly one of 'data'", "none was given"]),
    ("dense-hopfield-coupling", model('kind = "dense-hopfield"\nn = 2\nkeys = [[1, -1]]\ncoupling = { ensemble = "gaussian", n = 2, g = 1.0 }\n'), 2,
     ["'dense-hopfield' have no coupling"]),
    ("dense-hopfield-linear", model('kind = "dense-hopfield"\nn = 2\nkeys = [[1, -1]]\nenergy = "polynomial"\nphi = "linear"\n'), 2, ["no lower bound"]),
    ("model-kind-number", model("kind = @@1\n"), 2, ["kind = 1", "string"]),
    ("model-unknown-key", model('kind = "rate"\n@@gian = 1.0\n'), 2, ["unknown key 'gian'", "did you mean 'gain'"]),
    ("model-delay", model('kind = "rate"\n@@delay = 1.0\n'), 2, ["delay", "delays are not supported"]),
    ("model-gain-string", model('kind = "rate"\ngain = @@"1"\n'), 2, ['gain = "1"', "number"]),
    ("model-gain-bool", model('kind = "rate"\ngain = @@true\n'), 2, ["gain = true", "number"]),
    ("model-gain-nan", model('kind = "rate"\ngain = @@nan\n'), 2, ["gain = nan", "finite"]),
    ("model-beta-range", model('kind = "rate"\nbeta = @@0.0\n'), 2, ["beta = 0.0", "(0, inf)", "default 1.0"]),
    ("model-phi-choice", model('kind = "rate"\nphi = @@"tahn"\n'), 2, ['phi = "tahn"', "one of tanh, erf", "did you mean 'tanh'"]),
    ("model-form-choice", model('kind = "rate"\nform = @@"voltage"\n'), 2, ['form = "voltage"', "current, activity"]),
    ("model-tau-negative", model('kind = "rate"\ntau = @@-1.0\n'), 2, ["tau = -1.0", "(0, inf)"]),
    ("model-tau-zero-in-list", model('kind = "rate"\ntau = [1.0, @@0.0]\n'), 2, ["tau = 0.0", "(0, inf)"]),
    ("model-tau-length", model('kind = "rate"\ncoupling = { ensemble = "gaussian", n = 8 }\ntau = @@[1.0, 2.0]\n'), 2,
     ["tau: 2 values", "8 units"]),
    ("model-tau-nested", model('kind = "rate"\ntau = @@[[1.0, 2.0]]\n'), 2, ["tau", "flat list"]),
    ("model-tau-expression", model('kind = "rate"\ntau = @@"2*x"\n'), 2, ['tau = "2*x"', "number"]),
    ("model-rate-uncoupled", model('kind = "rate"\n'), 2, ["[model]"]),
    ("model-n-disagrees", '[model]\nkind = "linear"\nn = @@7\ncoupling = { ensemble = "gaussian", n = 8 }\n' + NOISE + TASK, 2,
     ["n = 7", "8 units"]),
    # -- couplings
    ("coupling-number", coupling("coupling = @@3\n"), 2, ["coupling = 3", "table"]),
    ("coupling-no-source", coupling("coupling = @@{ strength = 1.0 }\n"), 2, ["exactly one of 'file', 'matrix' and 'ensemble'", "none"]),
    ("coupling-two-sources", coupling('coupling = @@{ file = "w.csv", ensemble = "gaussian", n = 3 }\n'), 2, ["exactly one", "several"]),
    ("coupling-unknown-key", coupling('coupling = { ensemble = "gaussian", @@m = 3 }\n'), 2, ["unknown key 'm' in coupling"]),
    ("coupling-ensemble-unknown", coupling('coupling = { ensemble = @@"gausian", n = 3 }\n'), 2, ["gausian", "did you mean 'gaussian'"]),
    ("coupling-ensemble-no-n", coupling('coupling = @@{ ensemble = "gaussian" }\n'), 2, ["'n' is missing"]),
    ("coupling-ensemble-n-zero", coupling('coupling = { ensemble = "gaussian", n = @@0 }\n'), 2, ["n = 0", "integer"]),
    ("coupling-ensemble-n-float", coupling('coupling = { ensemble = "gaussian", n = @@8.0 }\n'), 2, ["n = 8.0", "integer"]),
    ("coupling-symmetry-range", coupling('coupling = { ensemble = "gaussian", n = 8, symmetry = @@1.5 }\n'), 2, ["symmetry = 1.5", "[-1, 1]"]),
    ("coupling-rows-on-ensemble", coupling('coupling = { ensemble = "gaussian", n = 8, rows = @@"target" }\n'), 2,
     ["'rows' belongs to couplings from a file"]),
    ("coupling-g-on-file", coupling('coupling = { file = "w.csv", rows = "target", g = @@1.0 }\n'), 2,
     ["'g' belongs to couplings from an ensemble"]),
    ("coupling-rows-missing", coupling('coupling = @@{ file = "w.csv", header = true }\n'), 2, ["'rows' is missing", "from j to i"],
     {"w.csv": M3}),
    ("coupling-rows-unknown", coupling('coupling = { file = "w.csv", rows = @@"presynaptic" }\n'), 2, ["presynaptic", "one of target, source"]),
    ("coupling-matrix-not-square", coupling("coupling = { matrix = @@[[0.0, 1.0]] }\n"), 2, ["square list of lists"]),
    ("coupling-matrix-ragged", coupling("coupling = { matrix = [[0.0, 1.0], @@[1.0]] }\n"), 2, ["row 1 has 1 numbers"]),
    ("coupling-delay", coupling('coupling = { ensemble = "gaussian", n = 8, @@delay = 2.0 }\n'), 2, ["delays are not supported"]),
    ("coupling-same-name", coupling('[[model.coupling]]\nname = "a"\nensemble = "gaussian"\nn = 8\n[[model.coupling]]\nname = "a"\n'
                                    'ensemble = "gaussian"\nn = 8\n'), 2, ["two couplings are called 'a'"]),
    ("coupling-sizes", coupling('[[model.coupling]]\nname = "a"\nensemble = "gaussian"\nn = 8\n[[model.coupling]]\nname = "b"\n'
                                'ensemble = "gaussian"\nn = 9\n'), 2, ["coupling 'b': 9 units, but 'a' has 8"]),
    ("coupling-missing-number", coupling('coupling = { file = "w.csv", rows = "target", missing = @@"zero" }\n'), 2, ['missing = "zero"', "number"]),
    ("coupling-file-absent", coupling('coupling = @@{ file = "nowhere.csv", rows = "target" }\n'), 3, ["nowhere.csv", "o such file"]),
    ("coupling-file-type", coupling('coupling = { file = @@3, rows = "target" }\n'), 2, ["file = 3", "string"]),
    ("coupling-file-header", coupling('coupling = @@{ file = "w.csv", rows = "target" }\n'), 3, ["w.csv", "header"], {"w.csv": M3}),
    ("coupling-file-rectangular", coupling('coupling = @@{ file = "w.csv", rows = "target", header = false }\n'), 3, ["2 x 3", "as many rows"],
     {"w.csv": "0,1,0\n0,0,1\n"}),
    ("coupling-file-not-number", coupling(FILE3), 3, ["w.csv:3:", "coupling"], {"w.csv": L3.replace("b,0", "b,x")}),
    ("coupling-file-empty-field", coupling(FILE3), 3, ["w.csv:3:"], {"w.csv": L3.replace("b,0", "b,")}),
    ("coupling-file-label-twice", coupling(FILE3), 3, ["'a'", "twice"], {"w.csv": L3.replace("\nb,", "\na,")}),
    ("coupling-header-differs", coupling(FILE3), 3, ["header of w.csv", "missing: c", "not among them: d"], {"w.csv": L3.replace(",c\n", ",d\n")}),
    ("coupling-labels-differ", coupling('[[model.coupling]]\nname = "chemical"\nfile = "w.csv"\nrows = "target"\nheader = true\n'
                                        'labels = "first-column"\n@@[[model.coupling]]\nname = "gap"\nfile = "v.csv"\nrows = "target"\n'
                                        'header = true\nlabels = "first-column"\ntype = "diffusive"\n'), 3,
     ["coupling 'gap': 2 units, but 'chemical' has 3", "missing: c"], {"w.csv": L3, "v.csv": L2}),
    ("coupling-normalise-nilpotent", coupling('coupling = { matrix = [[0.0, 1.0], [0.0, 0.0]], normalise = @@"spectral-radius" }\n'), 3,
     ["spectral radius is zero"]),
    # -- per-unit files
    ("tau-file-missing-unit", model('kind = "rate"\n' + FILE3 + 'tau = @@{ file = "tau.csv", column = "ms", key = "unit" }\n'), 3,
     ["tau.csv: 2 units, but the model has 3", "missing: c"], {"w.csv": L3, "tau.csv": "unit,ms\na,1\nb,2\n"}),
    ("tau-file-extra-unit", model('kind = "rate"\n' + FILE3 + 'tau = @@{ file = "tau.csv", column = "ms", key = "unit", missing = 1.0 }\n'), 3,
     ["not among them: d"], {"w.csv": L3, "tau.csv": "unit,ms\na,1\nd,2\n"}),
    ("tau-file-range", model('kind = "rate"\n' + FILE3 + 'tau = @@{ file = "tau.csv", column = "ms", key = "unit" }\n'), 3,
     ["tau.csv", "(b)", "-2", "(0, inf)"], {"w.csv": L3, "tau.csv": "unit,ms\na,1\nb,-2\nc,1\n"}),
    ("tau-file-column", model('kind = "rate"\n' + FILE3 + 'tau = @@{ file = "tau.csv", column = "s", key = "unit" }\n'), 3,
     ["tau.csv", "'s'"], {"w.csv": L3, "tau.csv": "unit,ms\na,1\nb,2\nc,1\n"}),
    ("tau-file-unknown-key", model('kind = "rate"\ntau = { file = "tau.csv", @@colunm = "ms" }\n'), 2, ["unknown key 'colunm'", "'column'"]),
    ("tau-file-no-labels", model('kind = "rate"\ncoupling = { ensemble = "gaussian", n = 3 }\n'
                                 'tau = @@{ file = "tau.csv", column = "ms", key = "unit" }\n'), 2, ["no labels"],
     {"tau.csv": "unit,ms\na,1\nb,2\nc,1\n"}),
    # -- input
    ("input-unknown-key", MODEL + 'input = { kind = "sine", amplitude = 1.0, @@freqency = 2.0 }\n' + NOISE + TASK, 2,
     ["unknown key 'freqency'", "'frequency'"]),
    ("input-no-dt", MODEL + 'input = @@{ file = "i.csv", axes = ["time"] }\n' + NOISE + TASK, 2, ["'dt' is missing"]),
    ("input-bad-axis", MODEL + 'input = { file = "i.csv", axes = [@@"batch", "time"], dt = 1.0 }\n' + NOISE + TASK, 2, ["'batch'", "trial"]),
    ("input-no-axes", MODEL + 'input = @@{ file = "i.csv", dt = 1.0, header = false }\n' + NOISE + TASK, 3, ["2 axes", "axes ="],
     {"i.csv": "0,1\n1,0\n"}),
    # -- noise
    ("noise-both", noise('kind = "additive"\nD = 0.1\nsigma = @@0.2\n'), 2, ["D", "sigma", "not both"]),
    ("noise-neither", noise('kind = "additive"\n'), 2, ["[noise]", "exactly one of D"]),
    ("noise-kind", noise('kind = @@"adittive"\nD = 0.1\n'), 2, ["adittive", "did you mean 'additive'"]),
    ("noise-unknown-key", noise('kind = "additive"\n@@d = 0.1\n'), 2, ["unknown key 'd' in [noise]", "did you mean 'D'"]),
    ("noise-negative", noise('kind = "additive"\nD = -0.1\n'), 2, ["D", "-0.1"]),
    ("noise-length", noise('kind = "additive"\nD = [0.1, 0.2]\n'), 2, ["D", "8"]),
    ("noise-thermal-without-metric", noise('kind = "thermal"\ntemperature = 0.1\n'), 2, ["metric"]),
    ("noise-calculus-needed", noise('kind = "multiplicative"\nsigma = 0.1\n'), 2, ["calculus"]),
    ("noise-symbol", noise('kind = "additive"\nD = @@"D"\n'), 2, ['D = "D"', "number"]),
    # -- tasks
    ("task-none", MODEL + NOISE, 2, ["no task", "[[task]]"]),
    ("task-single-bracket", MODEL + NOISE + "@@[task]\ndo = 'simulate'\n", 2, ["[[task]]", "two brackets"]),
    ("task-no-do", MODEL + NOISE + "@@[[task]]\nduration = 1.0\n", 2, ["'do' is missing"]),
    ("task-later", MODEL + NOISE + '[[task]]\ndo = @@"quasipotential"\n', 2,
     ["task kind 'quasipotential' comes with a later version; this version has: simulate"]),
    ("task-unknown", MODEL + NOISE + '[[task]]\ndo = @@"simluate"\n', 2, ["unknown task kind 'simluate'", "did you mean 'simulate'"]),
    ("task-name-slash", MODEL + NOISE + '[[task]]\nname = @@"../x"\ndo = "simulate"\nduration = 1.0\n', 2, ["task name '../x'", "letters"]),
    ("task-name-twice", GOOD + TASK.replace('"traj"', '@@"traj"'), 2, ["two tasks are called 'traj'"]),
    ("task-name-of-dimension", GOOD.replace('name = "traj"', 'name = "unit"'), 2, ["cannot be called 'unit'"]),
    ("task-unknown-key", task("@@durration = 1.0\n"), 2, ["unknown key 'durration' in task 'traj'", "did you mean 'duration'", "Known: "]),
    ("task-delay", task("duration = 1.0\n@@delay = 1.0\n"), 2, ["delays are not supported"]),
    ("task-dt-negative", task("duration = 1.0\ndt = @@-0.1\n"), 2, ["dt = -0.1", "(0, inf)"]),
    ("task-dt-zero", task("duration = 1.0\ndt = @@0.0\n"), 2, ["dt = 0.0", "(0, inf)"]),
    ("task-dt-inf", task("duration = 1.0\ndt = @@inf\n"), 2, ["dt = inf", "finite"]),
    ("task-dt-string", task('duration = 1.0\ndt = @@"0.1"\n'), 2, ['dt = "0.1"', "in (0, inf)"]),
    ("task-no-duration", task("dt = 0.1\n"), 2, ["duration"]),
    ("task-replicas-zero", task("duration = 1.0\nreplicas = @@0\n"), 2, ["replicas = 0", "integer"]),
    ("task-replicas-float", task("duration = 1.0\nreplicas = @@4.0\n"), 2, ["replicas = 4.0", "integer"]),
    ("task-replicas-word", task('duration = 1.0\nreplicas = @@"many"\n'), 2, ['replicas = "many"', '"trials"']),
    ("task-replicas-no-trials", task('duration = 1.0\nreplicas = @@"trials"\n'), 2, ["no input with trials"]),
    ("task-method", task('duration = 1.0\nmethod = @@"euler"\n'), 2, ['method = "euler"', "euler-maruyama"]),
    ("task-method-does-not-fit", task('duration = 1.0\nmethod = "rk4"\n'), 2, ["rk4", "task 'traj'"]),
    ("task-initial-word", task('duration = 1.0\ninitial = @@"random"\n'), 2, ['initial = "random"', '"zero"', "gaussian"]),
    ("task-initial-number", task("duration = 1.0\ninitial = @@0.5\n"), 2, ["initial", "list"]),
    ("task-initial-kind", task('duration = 1.0\ninitial = { kind = @@"packet" }\n'), 2, ["unknown kind 'packet'", "gaussian or uniform"]),
    ("task-initial-sd", task('duration = 1.0\ninitial = { kind = "gaussian", sd = @@-1.0 }\n'), 2, ["sd = -1.0", "[0, inf)"]),
    ("task-initial-unknown-key", task('duration = 1.0\ninitial = { kind = "gaussian", @@sigma = 1.0 }\n'), 2, ["unknown key 'sigma'", "mean, sd"]),
    ("task-initial-order", task('duration = 1.0\ninitial = @@{ kind = "uniform", lo = 1.0, hi = 0.0 }\n'), 2, ["lo = 1", "hi = 0"]),
    # -- data sets
    ("data-no-source", '[data.d]\nrows = "0:1"\n' + GOOD, 2, ["[data.d]", "one of `file`, `files`, `values`, `from` and `random`"]),
    ("data-both-sources", '[data.d]\nfile = "d.csv"\nfrom = "e"\n' + GOOD, 2, ["one of `file`, `files`, `values`, `from` and `random`"]),
    ("data-unknown-key", '[data.d]\nfile = "d.csv"\n@@rowz = "0:1"\n' + GOOD, 2, ["unknown key 'rowz'", "'rows'"]),
    ("data-from-unknown", '[data.d]\nfrom = @@"e"\n' + GOOD, 2, ["[data.e]"]),
    ("data-rows", '[data.d]\nfile = "d.csv"\nrows = @@"a:b"\n' + GOOD, 2, ["first:end"]),
    ("data-rows-many", '[data.d]\nfile = "d.csv"\nheader = false\nrows = @@"0:3"\n' + GOOD, 2, ["there are 2 rows"], {"d.csv": D2}),
    ("data-range-order", '[data.d]\nfile = "d.csv"\nrange = @@[1, 0]\n' + GOOD, 2, ["lo < hi"]),
    ("data-range", '[data.d]\nfile = "d.csv"\nheader = false\nrange = @@[0, 4]\n' + GOOD, 3, ["row 1, column 1 is 5", "[0, 4]"], {"d.csv": D2}),
    ("data-label", '[data.d]\nfile = "d.csv"\nheader = false\nlabel_column = @@3\n' + GOOD, 3, ["3 columns", "label_column = 3"], {"d.csv": D2}),
    ("data-image", '[data.d]\nfile = "d.csv"\nheader = false\nimage = @@[2, 2]\n' + GOOD, 2, ["a row has 3 numbers"], {"d.csv": D2}),
    ("data-image-label", '[data.d]\nfile = "d.csv"\nheader = false\nimage = @@[1, 2]\n' + GOOD, 2, ["a row has 3 numbers", "label_column = -1"], {"d.csv": D2}),
    ("data-image-zero", '[data.d]\nfile = "d.csv"\nimage = @@[0, 2]\n' + GOOD, 2, ["integers > 0"]),
    ("data-step", '[data.d]\nfile = "d.csv"\npreprocess = [@@"zscore-rows"]\n' + GOOD, 2, ["unknown step", "did you mean 'zscore-row'"]),
    ("data-missing-file", '[data.d]\nfile = @@"nothing.csv"\n' + GOOD, 3, ["nothing.csv"]),
    # -- references between tasks
    ("learned-unknown", second('model = { task = @@"train" }\n'), 2, ["no task before this one", "'train'"]),
    ("learned-no-weights", second('model = { task = @@"traj" }\n'), 2, ["'traj'", "does not learn weights"]),
    ("learned-number", second('model = @@3\n'), 2, ["snapshot"]),
    ("learned-snapshot", learned('model = { task = "train", snapshot = @@2 }\n'), 2, ["snapshot 2", "has 2 (0 to 1)"]),
    ("learned-network", learned('model = { task = "train", network = @@3 }\n'), 2, ["network 3", "has 3 (0 to 2)"]),
    ("learned-network-word", learned('model = { task = "train", network = @@"all" }\n'), 2, ["network", "from 0"]),
    ("refer-unknown-task", task('duration = 1.0\ninitial = { task = @@"rest", select = "all" }\n'), 2, ["no task before this one", "'rest'", "first task"]),
    ("refer-itself", task('duration = 1.0\ninitial = { task = @@"traj" }\n'), 2, ["no task before this one", "'traj'"]),
    ("refer-near-name", second('initial = { task = @@"trja" }\n'), 2, ["'trja'", "did you mean 'traj'"]),
    ("refer-task-number", second('initial = { task = @@1 }\n'), 2, ["task = 1", "string"]),
    ("refer-unknown-key", second('initial = { task = "traj", @@selct = "final" }\n'), 2, ["unknown key 'selct'", "'select'"]),
    ("refer-select-word", second('initial = { task = "traj", select = @@"finall" }\n'), 2, ["finall", "did you mean 'final'"]),
    ("refer-select-stable", second('initial = @@{ task = "traj", select = "stable" }\n'), 2, ["trajectories", "final"]),
    ("refer-select-negative", second('initial = { task = "traj", select = @@[0, -1] }\n'), 2, ["from 0"]),
    ("refer-select-empty", second('initial = { task = "traj", select = @@[] }\n'), 2, ["list of numbers"]),
    ("refer-select-and-near", second('initial = { task = "traj", select = [0], near = @@{ x = 1.0 } }\n'), 2, ["not both"]),
    ("refer-near-empty", second('initial = { task = "traj", near = @@{} }\n'), 2, ["coordinates"]),
    ("refer-near-text", second('initial = { task = "traj", near = { x = @@"left" } }\n'), 2, ["left", "a number"]),
    ("refer-near-unknown", second('initial = { task = "traj", near = { q = @@1.0 } }\n'), 2, ["no coordinate 'q'"]),
    ("refer-near-length", second('initial = { task = "traj", near = @@[1.0, 2.0] }\n'), 2, ["2 coordinates", "the state has 8"]),
    ("refer-n-zero", second('initial = { task = "traj", n = @@0 }\n'), 2, ["n = 0"]),
    ("refer-jitter", second('initial = { task = "traj", jitter = @@0.1 }\n'), 2, ["no jitter"]),
    ("task-initial-length", task("duration = 1.0\ninitial = @@[0.0, 1.0, 2.0]\n"), 2, ["3 values", "8 units"]),
    ("task-record-number", task("duration = 1.0\nrecord = @@1\n"), 2, ["record = 1", "table"]),
    ("task-record-unknown-key", task("duration = 1.0\nrecord = { @@evry = 1.0 }\n"), 2, ["unknown key 'evry'", "'every'"]),
    ("task-record-label", task('duration = 1.0\nrecord = { units = [@@"AVAL"] }\n'), 2, ["'AVAL'", "no labels"]),
    ("task-record-index", task("duration = 1.0\nrecord = { units = [0, @@8] }\n"), 2, ["unit 8", "8 units", "0 to 7"]),
    ("task-record-negative", task("duration = 1.0\nrecord = { units = [@@-1] }\n"), 2, ["unit -1", "from 0"]),
    ("task-record-twice", task("duration = 1.0\nrecord = { units = [1, @@1] }\n"), 2, ["unit 1 is given twice"]),
    ("task-record-near-label", coupling(FILE3).replace("dt = 0.1", 'dt = 0.1\nrecord = { units = [@@"bb"] }'), 2, ["'bb'", "did you mean"],
     {"w.csv": L3}),
    ("task-target-no-name", task('duration = 1.0\nfirst_passage = [@@{ unit = 0, above = 1.0 }]\n'), 2, ["'name' is missing"]),
    ("task-bool", task("duration = 1.0\nmoments = @@1\n"), 2, ["moments = 1", "true or false"]),
    ("task-require", task('duration = 1.0\nrequire = @@"yes"\n'), 2, ['require = "yes"', "true or false"]),
]
