// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file equations.h  Your own model: equations as text.
 *
 *      dx_i/dt = (-x_i + sum_j W_ij tanh(g x_j) - a_i)/tau_i     state x, a over i; "x" = "(-x[i] + sum(j, W[i,j]*r[j]) - a[i])/tau[i]"
 *
 *  Grammar. Numbers, names, + - * / ^ (also **), parentheses; -x^2 is -(x^2), 2^3^2 is 2^(3^2). `x[i]` is an element over an index,
 *  `x[i+1]` its neighbour (see `boundary`), `x[0]` one fixed element, `K[i-j]` a kernel of two indices; `i` alone is the number of the
 *  element, from 0. `sum(j, ...)` sums over an index; `t` is time, `pi` the number. Functions: exp log log1p expm1 sqrt sin cos tan
 *  tanh sinh cosh erf abs sign atan heaviside, min(a, b), max(a, b), pow(a, b), if(a < b, c, d) with < <= > >= == !=.
 *
 *  Kinks: if takes the derivative of the branch that is taken; max(a, b) is if(a > b, a, b), min(a, b) is if(a < b, a, b), abs(x) is
 *  if(x > 0, x, -x), heaviside(x) is if(x > 0, 1, 0), sign(x) is 1, 0 or -1. So abs'(0) = -1, max(x, 0)' = 0 at 0, and the derivatives
 *  of sign and heaviside are 0 everywhere.
 *
 *  Derivatives to third order are exact (symbolic, on a graph of arrays). Sums are never written out: W_ij f_j g_i is a product with W
 *  (dense or sparse), f_j g_i a reduction, sin(x_j - x_i) two reductions by the addition theorem, a kernel of parameters and indices
 *  alone a matrix made once, and anything else a loop over pairs (over links where a sparse W is a factor), cost O(N^2) (O(links)).
 *  Powers by numbers up to 64 are products; else x^y = exp(y log x), relative error about 2 |y log x| + 2 ulp, NaN for x < 0.
 *
 *  Instead of equations: a potential, with a metric and a flow if wanted,
 *      F = -G(x)^-1 grad Phi(x) + R(t,x),   potential = "sum(i, x[i]^4/4 - x[i]^2/2)", metric "1/(1+x[i]^2)", flow "..."
 *  The gradient is derived; the model then has the operations potential, gradient, metric and reentrant, and takes thermal noise
 *  D = T G^-1. G is diagonal (an expression per state array, > 0) or radial, G = g_r(r) n n^T + g_t(r) (1 - n n^T), n = x/r. Other metrics
 *  are refused: their inverse and square root have no closed form. An odd power of r has no derivative at the origin.
 *
 *  Limits: texts of 65536 characters, nesting of 200, 1e5 nodes in a text, 1e6 in the graph. */
#ifndef SEPARATRIX_EQUATIONS_H
#define SEPARATRIX_EQUATIONS_H

#include <separatrix/coupling.h>
#include <separatrix/field.h>
#include <separatrix/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An index and its range 0..n-1. */
typedef struct sx_equations_index {
    const char *name; /**< as in the texts: "i" */
    int64_t n;        /**< >= 1; 0 with `same` */
    const char *same; /**< name of an earlier index whose range this one runs over too; NULL: a range of its own */
} sx_equations_index;

/** A state array, or a single number. */
typedef struct sx_equations_state {
    const char *name;          /**< as in the texts: "x" */
    const char *index;         /**< NULL: a single number */
    const char *const *labels; /**< one per element, or NULL */
} sx_equations_state;

/** A parameter: a number, an array over one index, a matrix over two (values or a coupling). */
typedef struct sx_equations_parameter {
    const char *name;            /**< as in the texts: "W" */
    const char *shape;           /**< NULL or "": number; "i"; "i,j": W[i,j], rows first */
    sx_values values;            /**< 1 number (for every element), or all of them, row-major */
    const sx_coupling *coupling; /**< for "i,j"; instead of values; referenced, not copied */
} sx_equations_parameter;

/** One line: `left` is "x" or "x[i]"; definitions also "K[i,j]". */
typedef struct sx_equations_text {
    const char *left; /**< what is given */
    const char *text; /**< by which expression */
} sx_equations_text;

/** Names of the boundary conditions, in the order of their numbers. */
#define SX_EQUATIONS_BOUNDARY_CHOICES "cyclic|zero|copy"
/** All strings and arrays are borrowed for the call. */
typedef struct sx_equations_desc {
    size_t struct_size; /**< sizeof(sx_equations_desc) */
    int time;           /**< 0 "continuous": x' is the text; 1 "discrete": the next x is */
    int boundary;       /**< of x[i+1] and K[i-j]: 0 cyclic, 1 zero outside, 2 copy of the first or last element */
    int n_indices, n_states, n_parameters, n_definitions, n_equations;
    const sx_equations_index *indices;        /**< n_indices */
    const sx_equations_state *states;         /**< concatenated in this order */
    const sx_equations_parameter *parameters; /**< n_parameters */
    const sx_equations_text *definitions;     /**< `let`: may use those before them */
    const sx_equations_text *equations;       /**< one per state, in any order; none with a potential */
    /* instead of equations: F = -G^-1 grad Phi + R, grad Phi derived */
    const char *potential; /**< Phi, a number: "sum(i, x[i]^4/4 - x[i]^2/2)"; NULL: equations are given */
    int n_metric;          /**< number of texts of the metric; 0: G = 1 */
    const sx_equations_text
        *metric; /**< diagonal: G_ii per state, left "" = of every state, missing ones 1; radial: left "radial" and
                                          "tangential", functions of r = |x|. In these texts r is |x| unless the model has its own r */
    int n_flow;  /**< number of texts of the flow; 0: R = 0 */
    const sx_equations_text *flow; /**< R per state, left "" = of every state, missing ones 0 */
    bool compile; /**< run as generated C, compiled by the context's host (sx_host): the same bits, faster */
} sx_equations_desc;
/** A description of nothing yet, with its size. */
#define SX_EQUATIONS_DESC                                                                                              \
    { sizeof(sx_equations_desc) }

/** Options that an experiment gives beside its tables of texts. */
typedef struct sx_equations_opts {
    size_t struct_size; /**< sizeof(sx_equations_opts) */
    int time;           /**< 0 continuous, 1 discrete */
    int boundary;       /**< SX_EQUATIONS_BOUNDARY_CHOICES */
    bool compile;       /**< as in sx_equations_desc */
} sx_equations_opts;
/** Field table of sx_equations_opts. */
SX_API extern const sx_field sx_equations_fields[];

/** Where a text is at fault. */
typedef struct sx_equations_fault {
    int section; /**< 0 none, 1 index, 2 state, 3 parameter, 4 definition, 5 equation, 6 noise, 7 a line that is missing, 8 potential,
                      9 metric, 10 flow */
    int item;         /**< number in its section */
    int64_t position; /**< character of the text, from 1; 0: the line as a whole */
} sx_equations_fault;

/** Parse, differentiate and compile. Errors (SX_E_USAGE): "equations.x: character 14: unknown name 'y'; ..." with what was expected.
 *  @param[out] fault may be NULL. Cost: linear in the texts; kernels without state take one pass over their n x m entries. */
SX_API sx_status sx_equations_create(sx_ctx *ctx, const sx_equations_desc *desc, sx_equations_fault *fault,
                                     sx_model **out) SX_MUST_USE;

/** The texts of a model of this kind in normal form (spaces, parentheses, numbers), one line each, which parse back to the same; as
 *  LaTeX one line per definition and equation. SX_E_UNSUPPORTED for other models. */
SX_API sx_status sx_equations_print(sx_ctx *ctx, const sx_model *m, bool latex, char **out) SX_MUST_USE;

/** Noise from expressions, one per state array in the order of `desc` (`left` is the name of the array): sigma (dx = f dt + sigma dW) or
 *  D (correlation of the noise 2 D delta). A unit's amplitude may depend on its own state alone; not on time. Without state it is constant: then
 *  *constant is set and *numbers holds one value per unit (owned by the caller, sx_free); else *out is a noise of class diagonal. */
SX_API sx_status sx_equations_noise(sx_ctx *ctx, const sx_equations_desc *desc, bool sigma, int n,
                                    const sx_equations_text *texts, sx_equations_fault *fault, bool *constant,
                                    double **numbers, sx_noise **out) SX_MUST_USE;

/** Numbers from expressions without state and time, one text per state array: initial states and the like. `what` begins the
 *  messages ("initial"). @param[out] numbers one per unit; owned by the caller, sx_free. */
SX_API sx_status sx_equations_values(sx_ctx *ctx, const sx_equations_desc *desc, const char *what, int n,
                                     const sx_equations_text *texts, sx_equations_fault *fault,
                                     double **numbers) SX_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
