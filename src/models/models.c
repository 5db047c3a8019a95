// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The registry of built-in models: texts for `separatrix models`, the docs and the model x task table. */
#include "models/attention_private.h"
#include "models/cell_private.h"
#include "models/complete.h"
#include "models/equations.h"
#include "models/reentry_private.h"
#include "models/hopfield_private.h"
#include "models/samplers_private.h"

#include <separatrix/samplers.h>

static const char linear_example[] =
    "title = \"Linear network: relaxation modes\"\n"
    "seed = 1\n"
    "units = { time = \"ms\", state = \"mV\" }\n"
    "\n"
    "[model]\n"
    "kind = \"linear\"                                 # x' = -leak x + W x + input\n"
    "leak = 1.0\n"
    "coupling = { ensemble = \"gaussian\", n = 100, g = 0.8, symmetry = 0.0, self = \"zero\" }\n"
    "\n"
    "[noise]\n"
    "kind = \"additive\"\n"
    "D = 0.5                                         # <xi xi> = 2 D delta\n"
    "\n"
    "[[task]]\n"
    "name = \"traj\"\n"
    "do = \"simulate\"\n"
    "initial = \"zero\"\n"
    "burn_in = 20.0\n"
    "duration = 100.0\n"
    "dt = 0.05\n"
    "replicas = 256\n"
    "record = { every = 0.5, units = [0, 1, 2] }\n";

static const char rate_example[] =
    "title = \"Random rate network below the edge of chaos\"\n"
    "seed = 1\n"
    "units = { time = \"ms\", state = \"mV\" }           # labels only\n"
    "\n"
    "[model]\n"
    "kind = \"rate\"\n"
    "form = \"current\"                                # tau x' = -x + gain W phi(x) + I; \"activity\": tau r' = -r + "
    "phi(gain W r + I)\n"
    "phi = \"tanh\"\n"
    "gain = 1.0\n"
    "tau = 10.0\n"
    "coupling = { ensemble = \"gaussian\", n = 200, g = 0.9, symmetry = 0.0, self = \"zero\" }\n"
    "\n"
    "[noise]\n"
    "kind = \"additive\"\n"
    "D = 0.01                                        # of x, per unit time, not divided by tau\n"
    "\n"
    "[[task]]\n"
    "name = \"traj\"\n"
    "do = \"simulate\"\n"
    "initial = { kind = \"gaussian\", mean = 0.0, sd = 0.1 }\n"
    "burn_in = 200.0\n"
    "duration = 500.0\n"
    "dt = 0.5\n"
    "replicas = 256\n"
    "record = { every = 5.0, units = [0, 1, 2] }\n";

static const char composed_example[] =
    "title = \"Double wells with thermal noise\"\n"
    "seed = 1\n"
    "\n"
    "[model]\n"
    "kind = \"composed\"                               # x' = -G^-1 grad Phi + R\n"
    "n = 2\n"
    "potential = \"quartic\"                           # sum a x^2/2 + b x^3/3 + g x^4/4\n"
    "a = -1.0\n"
    "b = 0.0\n"
    "g = 1.0\n"
    "metric = \"lorentzian\"                           # G = diag(1/(1 + x^2))\n"
    "flow = \"none\"\n"
    "\n"
    "[noise]\n"
    "kind = \"thermal\"                                # D = T G^-1\n"
    "temperature = 0.1\n"
    "calculus = \"kinetic\"\n"
    "\n"
    "[[task]]\n"
    "name = \"traj\"\n"
    "do = \"simulate\"\n"
    "initial = [-1.0, 1.0]\n"
    "burn_in = 50.0\n"
    "duration = 200.0\n"
    "dt = 0.01\n"
    "replicas = 256\n"
    "record = { every = 0.5 }\n";

static const char reentry_example[] =
    "title = \"A shell of activity that turns\"\n"
    "seed = 1\n"
    "\n"
    "[model]\n"
    "kind = \"reentry\"                                # y' = -y + gamma g(r) W y, W = rho + omega A\n"
    "form = \"gain\"\n"
    "n = 2\n"
    "gamma = 1.05\n"
    "rho = 1.0\n"
    "omega = 0.5\n"
    "beta = 0.1                                      # r* = 1 + (gamma rho - 1)/beta = 1.5\n"
    "\n"
    "[noise]\n"
    "kind = \"thermal\"                               # exp(-U(r)/T) stays stationary although it turns\n"
    "temperature = 0.01\n"
    "\n"
    "[[task]]\n"
    "name = \"traj\"\n"
    "do = \"simulate\"\n"
    "initial = [1.5, 0.0]\n"
    "burn_in = 50.0\n"
    "duration = 200.0\n"
    "dt = 0.05\n"
    "replicas = 256\n"
    "record = { every = 0.5 }\n";

static const char attention_example[] =
    "title = \"Tokens on a circle gather\"\n"
    "seed = 1\n"
    "\n"
    "[model]\n"
    "kind = \"attention\"                              # x_i' = P_i sum_j softmax_j(beta u_i.u_j) u_j\n"
    "form = \"tokens\"\n"
    "dimension = 2\n"
    "tokens = 16\n"
    "beta = 4.0\n"
    "\n"
    "[noise]\n"
    "kind = \"additive\"\n"
    "D = 1e-4\n"
    "\n"
    "[[task]]\n"
    "name = \"traj\"\n"
    "do = \"simulate\"\n"
    "initial = { kind = \"gaussian\", mean = 0.0, sd = 1.0 }\n"
    "burn_in = 5.0\n"
    "duration = 20.0\n"
    "dt = 0.05\n"
    "replicas = 64\n"
    "record = { every = 0.5 }\n";

static const char cell_example[] =
    "title = \"GRU: an untrained network relaxes\"\n"
    "seed = 1\n"
    "\n"
    "[model]\n"
    "kind = \"cell\"                                   # a map: one step of a recurrent network\n"
    "cell = \"gru\"\n"
    "hidden = 64\n"
    "inputs = 2\n"
    "weights = { ensemble = \"uniform\" }              # trained: { file = \"gru.safetensors\", prefix = \"rnn.\" }\n"
    "input = [1.0, -1.0]                             # held; samples: { file = \"trials.npy\", axes = [\"trial\", "
    "\"time\", "
    "\"channel\"] }\n"
    "\n"
    "[noise]\n"
    "kind = \"none\"\n"
    "\n"
    "[[task]]\n"
    "name = \"traj\"\n"
    "do = \"simulate\"\n"
    "initial = { kind = \"uniform\", lo = -1.0, hi = 1.0 }\n"
    "steps = 100\n"
    "replicas = 256\n"
    "record = { every = 1, units = [0, 1, 2] }\n";

static const char equations_example[] =
    "title = \"Adapting rate network from its equations\"\n"
    "seed = 1\n"
    "units = { time = \"ms\" }\n"
    "\n"
    "[model]\n"
    "kind = \"equations\"\n"
    "time = \"continuous\"                            # or \"discrete\": the texts are the next state\n"
    "index = { i = 100, j = \"i\" }                    # j runs over the same range; or i = { file = \"W.npy\", axis = "
    "0 }\n"
    "state = { x = \"i\", a = \"i\" }                   # arrays over an index; numbers: state = [\"x\", \"y\"]\n"
    "\n"
    "[model.parameters]\n"
    "g = 1.5\n"
    "tau = 10.0                                      # one per unit: { file = \"tau.npy\", shape = \"i\" }\n"
    "W = { ensemble = \"gaussian\", shape = \"i,j\", g = 1.0 }\n"
    "\n"
    "[model.let]\n"
    "\"r[i]\" = \"tanh(g*x[i])\"\n"
    "\n"
    "[model.equations]\n"
    "x = \"(-x[i] + sum(j, W[i,j]*r[j]) - a[i])/tau\"\n"
    "a = \"(x[i] - a[i])/50\"\n"
    "\n"
    "[noise]\n"
    "kind = \"additive\"\n"
    "sigma = { x = \"0.1\", a = \"0\" }                # dx = f dt + sigma dW\n"
    "\n"
    "[[task]]\n"
    "name = \"traj\"\n"
    "do = \"simulate\"\n"
    "initial = { x = \"0.1*sin(2*pi*i/100)\", a = 0.0 }\n"
    "burn_in = 200.0\n"
    "duration = 500.0\n"
    "dt = 0.5\n"
    "replicas = 64\n"
    "record = { every = 5.0, units = [0, 1, 100] }\n";

static const char plugin_example[] =
    "title = \"FitzHugh-Nagumo from a shared library\"\n"
    "seed = 1\n"
    "units = { time = \"ms\" }\n"
    "\n"
    "[model]\n"
    "kind = \"plugin\"\n"
    "file = \"libfhn.so\"                             # exports sx_plugin_entry(): see separatrix/plugin.h\n"
    "options = { tau = 12.5, I = 0.5 }               # numbers that the library takes\n"
    "\n"
    "[noise]\n"
    "kind = \"additive\"\n"
    "D = [0.001, 0.0]\n"
    "\n"
    "[[task]]\n"
    "name = \"traj\"\n"
    "do = \"simulate\"\n"
    "initial = \"zero\"\n"
    "duration = 200.0\n"
    "dt = 0.05\n"
    "replicas = 64\n"
    "record = { every = 0.5 }\n";

static const char free_energy_example[] = "title = \"Continuous units under weak evidence\"\n"
                                          "seed = 1\n"
                                          "\n"
                                          "[model]\n"
                                          "kind = \"free-energy\"\n"
                                          "inverse_temperature = 1.0\n"
                                          "bias = 0.1\n"
                                          "sampler = \"gibbs-sweep\"\n"
                                          "coupling = { ensemble = \"gaussian\", n = 32, g = 1.0, symmetry = 1.0 }\n"
                                          "\n"
                                          "[noise]\n"
                                          "kind = \"none\"\n"
                                          "\n"
                                          "[[task]]\n"
                                          "name = \"run\"\n"
                                          "do = \"simulate\"\n"
                                          "burn_in = 100\n"
                                          "steps = 1000\n"
                                          "replicas = 16\n"
                                          "record = { every = 10, units = [0, 1] }\n";

static const char ising_example[] = "title = \"A spin glass at high temperature\"\n"
                                    "seed = 1\n"
                                    "\n"
                                    "[model]\n"
                                    "kind = \"ising\"\n"
                                    "inverse_temperature = 0.5\n"
                                    "sampler = \"gibbs-sweep\"\n"
                                    "coupling = { ensemble = \"gaussian\", n = 64, g = 1.0, symmetry = 1.0 }\n"
                                    "\n"
                                    "[noise]\n"
                                    "kind = \"none\"\n"
                                    "\n"
                                    "[[task]]\n"
                                    "name = \"run\"\n"
                                    "do = \"simulate\"\n"
                                    "initial = { kind = \"uniform\", lo = -1.0, hi = 1.0 }\n"
                                    "burn_in = 100\n"
                                    "steps = 1000\n"
                                    "replicas = 16\n"
                                    "record = { every = 10, units = [0, 1] }\n";

static const char hopfield_example[] =
    "title = \"Two memories and the states between them\"\n"
    "seed = 1\n"
    "\n"
    "[data.patterns]\n"
    "values = [[1, 1, 1, 1, -1, -1, -1, -1], [1, 1, -1, -1, 1, 1, -1, -1]]\n"
    "\n"
    "[model]\n"
    "kind = \"hopfield\"                               # tau x' = -x + W s + I, s = phi(gain x)\n"
    "n = 8\n"
    "phi = \"tanh\"\n"
    "gain = 2.0\n"
    "\n"
    "[noise]\n"
    "kind = \"none\"\n"
    "\n"
    "[[task]]\n"
    "name = \"train\"\n"
    "do = \"learn\"\n"
    "rule = \"hebb\"                                   # W = X X^T / n\n"
    "data = \"patterns\"\n"
    "rate = 1.0\n"
    "epochs = 1\n"
    "\n"
    "[[task]]\n"
    "name = \"rest\"\n"
    "do = \"fixed-points\"\n"
    "model = { task = \"train\" }\n";

static const char dense_hopfield_example[] =
    "title = \"A dense associative memory\"\n"
    "seed = 1\n"
    "\n"
    "[data.patterns]\n"
    "values = [[1, 1, 1, 1, -1, -1], [1, -1, 1, -1, 1, -1], [-1, 1, 1, -1, -1, 1], [1, 1, -1, -1, 1, 1]]\n"
    "\n"
    "[model]\n"
    "kind = \"dense-hopfield\"                         # tau x' = -x + grad Q(s) + I, s = phi(gain x)\n"
    "data = \"patterns\"\n"
    "energy = \"log-sum-exp\"                          # Q = ln(sum exp(beta xi.s))/beta\n"
    "beta = 1.0\n"
    "phi = \"linear\"\n"
    "\n"
    "[noise]\n"
    "kind = \"thermal\"                                # D = T G^-1\n"
    "temperature = 0.1\n"
    "\n"
    "[[task]]\n"
    "name = \"traj\"\n"
    "do = \"simulate\"\n"
    "initial = [1.0, 1.0, 1.0, -1.0, -1.0, -1.0]\n"
    "burn_in = 10.0\n"
    "duration = 100.0\n"
    "dt = 0.05\n"
    "replicas = 64\n"
    "record = { every = 0.5 }\n";

static const sx_model_info infos[] = {
    { .kind = "linear",
      .title = "Linear network",
      .equation = "x_i' = -k_i x_i + sum_j W_ij x_j + I_i;  map: x_i <- (1 - k_i) x_i + sum_j W_ij x_j + I_i",
      .help = "Linear flow or map with a coupling; moments and spectra have closed forms.",
      .example = linear_example,
      .fields = sx_linear_fields,
      .opts_size = sizeof(sx_linear_opts),
      .ops = &sx_linear_ops },
    { .kind = "rate",
      .title = "Rate network",
      .equation = "current: tau_i x_i' = -x_i + g sum_j W_ij phi(x_j) + sum_j L_ij x_j + I_i(t);  "
                  "activity: tau_i r_i' = -r_i + phi(g sum_j W_ij r_j + I_i(t)) + sum_j L_ij r_j",
      .help = "Firing-rate network, flow or map, with synaptic (W) and diffusive (L) couplings and external input.",
      .example = rate_example,
      .fields = sx_rate_fields,
      .opts_size = sizeof(sx_rate_opts),
      .ops = &sx_rate_ops },
    { .kind = "composed",
      .title = "Potential, metric and flow",
      .equation = "x' = -G(x)^-1 grad Phi(x) + R(x)",
      .help = "Gradient flow on a curved state space plus a circulating flow; thermal noise D = T G^-1 leaves "
              "exp(-Phi/T) stationary "
              "for R = 0 and for the gradient flow with the kinetic calculus.",
      .example = composed_example,
      .fields = sx_composed_fields,
      .opts_size = sizeof(sx_composed_opts),
      .ops = &sx_composed_ops },
    { .kind = "reentry",
      .title = "Homeostatic reentry",
      .equation =
          "soft-shell: y' = -y + gamma W y - kappa r^2 y;  gain: y' = -y + gamma g(r) W y, g = 1/(1 + beta (r - "
          "1));  r = |y|, W = rho + omega A + C [+ A_f, A_f' = (-A_f + eta y y^T)/tau]",
      .help = "Activity that feeds back on itself and is held at a finite radius: quenched, reactive and reflective "
              "regimes, rotation, general "
              "reentry through a coupling C, fast weights A_f (eta > 0). Thermal noise leaves exp(-U/T) stationary "
              "where W = rho + omega A in the gain form and in the soft shell.",
      .example = reentry_example,
      .fields = sx_reentry_fields,
      .opts_size = sizeof(sx_reentry_opts),
      .ops = &sx_reentry_ops },
    { .kind = "attention",
      .title = "Attention",
      .equation =
          "tied: x' = -x + K^T softmax(beta K x);  values: x' = -x + M K^T softmax(beta K x);  untied: x' = -x + "
          "sum p_mu W_V t_mu, p = softmax(beta x.W_Q^T W_K t_mu);  tokens: x_i' = P_i sum_j softmax_j(beta "
          "u_i.W_Q^T W_K u_j) W_V u_j/|x_i| + s (1 - |x_i|^2) x_i/2",
      .help =
          "One token that relaxes towards stored ones (modern Hopfield network), with values and untied weights, or "
          "tokens on a sphere that look at each other, causally if wanted. A gradient flow where weights are tied.",
      .example = attention_example,
      .fields = sx_attention_fields,
      .opts_size = sizeof(sx_attention_opts),
      .ops = &sx_attention_ops },
    { .kind = "cell",
      .title = "Trained recurrent network",
      .equation = "vanilla: h <- phi(W_ih u + b_ih + W_hh h + b_hh);  gru, lstm: PyTorch's equations;  leaky: h <- (1 "
                  "- alpha) h + "
                  "alpha phi(...);  low-rank: h <- (1 - alpha) h + alpha (m n^T phi(h + b_hh)/N + W_ih u + b_ih)",
      .help = "One step of a recurrent network as a map: torch.nn.RNN, GRU, LSTM (one layer or a stack), leaky and "
              "low-rank networks, with "
              "weights from .safetensors or .npz. State arrays: h; h and c (lstm); h0, h1, ... (a stack).",
      .example = cell_example,
      .fields = sx_cell_fields,
      .opts_size = sizeof(sx_cell_opts),
      .ops = &sx_cell_ops },
    { .kind = "free-energy",
      .title = "Free-energy attractor network",
      .equation =
          "p(s_i | others) ~ exp(theta_i s_i) on [-1, 1], theta_i = beta (b_i + sum_j J_ij s_j), mean coth theta - "
          "1/theta",
      .help =
          "Continuous Bernoulli units (Spisak & Friston 2025): synchronous, sweeping and random Gibbs updates, or the "
          "deterministic map of the means. Gibbs updates with symmetric J sample exp(-beta E), E = -b.s - s.J s/2.",
      .example = free_energy_example,
      .fields = sx_sampler_fields,
      .opts_size = sizeof(sx_sampler_opts),
      .ops = &sx_free_energy_ops },
    { .kind = "ising",
      .title = "Ising network",
      .equation = "P(s_i = 1 | others) = 1/(1 + exp(-2 theta_i)), theta_i = beta (b_i + sum_j J_ij s_j)",
      .help = "Units -1 and 1 under Glauber dynamics: synchronous (Little), sweeping and random Gibbs updates, or the "
              "deterministic map of the means, tanh theta.",
      .example = ising_example,
      .fields = sx_sampler_fields,
      .opts_size = sizeof(sx_sampler_opts),
      .ops = &sx_ising_ops },
    { .kind = "hopfield",
      .title = "Hopfield network of graded units",
      .equation =
          "tau_i x_i' = -x_i + sum_j W_ij s_j + I_i, s = phi(g x);  x' = -G^-1 grad Phi + R with Phi = -s.W_S s/2 + "
          "sum_i int^{s_i} phi^-1/g - I.s, G = diag(tau_i ds_i/dx_i), R = W_A s/tau",
      .help = "The flow of Cohen & Grossberg (1983) and Hopfield (1984) with its energy; the antisymmetric part of the "
              "weights is a flow. Weights from a coupling, or learned (`learn`: hebb, pseudo-inverse, ...).",
      .example = hopfield_example,
      .fields = sx_hopfield_fields,
      .opts_size = sizeof(sx_hopfield_opts),
      .ops = &sx_hopfield_ops },
    { .kind = "dense-hopfield",
      .title = "Dense associative memory (modern Hopfield network)",
      .equation = "tau_i x_i' = -x_i + dQ/ds_i + I_i, s = phi(g x);  Q = (n/p) sum_mu (xi_mu.s/n)^p or ln(sum_mu "
                  "exp(beta xi_mu.s))/beta;  x' = -G^-1 grad Phi, Phi = sum_i int^{s_i} phi^-1/g - Q - I.s",
      .help = "Patterns make the energy: polynomials (Krotov & Hopfield 2016) and log-sum-exp (Demircigil et al. 2017, "
              "Ramsauer et al. 2021). Degree 2 is Hebb's rule; log-sum-exp with linear units is attention.",
      .example = dense_hopfield_example,
      .fields = sx_dense_hopfield_fields,
      .opts_size = sizeof(sx_dense_hopfield_opts),
      .ops = &sx_dense_hopfield_ops },
    { .kind = "equations",
      .title = "Your own equations as text",
      .equation = "x_i' = any text, as in (-x[i] + sum(j, W[i,j]*tanh(g*x[j])))/tau[i];  map: x_i <- the text;  x' = "
                  "-G^-1 grad Phi + R from texts",
      .help = "index: { i = 1000, j = \"i\" } names of indices and their ranges. state: [\"x\", \"y\"] or { x = \"i\", "
              "u = \"\" }. parameters: "
              "numbers, { values or file, shape = \"i\" }, { ensemble, file or matrix, shape = \"i,j\" }. let: "
              "definitions, \"r[i]\" = "
              "\"tanh(x[i])\". equations: one text per state. Instead of equations: potential (a text), metric (a text "
              "for all states, one per state, "
              "or { radial, tangential } of r = |x|) and flow (texts). Texts know + - * / ^, sum(j, ...), x[i+1] (see "
              "boundary), if(a < b, c, d), t, "
              "pi, exp log log1p expm1 sqrt sin cos tan tanh sinh cosh erf abs sign atan heaviside min max pow; "
              "derivatives to third order "
              "are exact. noise: D or sigma may be texts, one for all states or a table; so may initial = { x = ..., u "
              "= ... }.",
      .example = equations_example,
      .fields = sx_equations_fields,
      .opts_size = sizeof(sx_equations_opts),
      .ops = &sx_equations_potential_ops },
    { .kind = "plugin",
      .title = "A shared library",
      .equation =
          "x' = F(t, x) of a library that exports a table of operations; maps, samplers and Hamiltonian systems too",
      .help =
          "file: a shared library that exports sx_plugin_entry() (separatrix/plugin.h). options: a table of numbers, "
          "whose names, defaults and ranges the library knows. Derivatives that it does not give are completed: J u "
          "by complex step where the library has F for complex numbers, everything else by fourth-order differences "
          "with an estimate of the error; what is worse than `tolerance` is left out, and tasks that need it refuse. "
          "A library is code: run only what you trust.",
      .example = plugin_example,
      .fields = sx_plugin_fields,
      .opts_size = sizeof(sx_plugin_opts),
      .ops = &sx_plugin_ops },
};

const sx_model_info *sx_model_infos(int *n) {
    *n = (int)(sizeof infos / sizeof *infos);
    return infos;
}

int64_t sx_model_channels(const sx_model *m) {
    const sx_model_ops *ops = sx_model_operations(m);
    if (ops == &sx_rate_ops || ops == &sx_hopfield_ops || ops == &sx_dense_hopfield_ops) return sx_model_n(m);
    if (ops == &sx_cell_ops) return ((const sx_cell *)sx_model_self(m))->inputs;
    return 0;
}
