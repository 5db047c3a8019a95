// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file plugin.h  Models from shared libraries.
 *
 *  A plug-in is a shared library that exports one function, sx_plugin_entry(), which returns a table: the operations of a model (model.h), the
 *  numbers it takes from [model] options, a function that makes one, and, if there is one, F for complex numbers. It needs this header and no
 *  library of Separatrix:
 *
 *      cc -O3 -shared -fPIC -I<prefix>/include -o libmine.so mine.c
 *
 *      [model]
 *      kind = "plugin"
 *      file = "libmine.so"                  # relative to the experiment
 *      options = { tau = 12.5, I = 0.5 }
 *
 *  Rules. Operations are pure and are called from several threads at once: no state but `self`, no allocation, scratch from `work` (NULL:
 *  none). Batches are unit-major, x[unit * b + replica], with any b >= 1; `out` never aliases an input. Only `F` is required.
 *
 *  Derivatives that are missing are completed:
 *      J u      from `jacobian` if that is given; else by complex step, Im F(x + i h u)/h, h = 2^-100/max|u|, exact to rounding, from
 *               F_complex; else by fourth-order central differences of F
 *      J^T p    from `jacobian`; else as n directions of J u. The matrix and tr J follow from J u
 *      d2F[u,v], grad p.J v, d3F[u,v,w]    by fourth-order central differences of the highest derivative that is exact
 *               (mixed differences where two or three are missing)
 *  The step of a difference is c (1 + max|x|)/max|u| with c chosen when the model is made: of 2^-2, 2^-4, ... the one at which two
 *  steps agree best on eight points around `point`; by how much they disagree, relative to the largest of this and the lower
 *  derivatives, is the estimate of the error. It is logged, printed by `separatrix check` and kept in the result (attribute
 *  model_derivatives). A derivative whose error exceeds the tolerance is left out: tasks that need it refuse and name it. Given
 *  derivatives are compared with differences; a warning says where they disagree. */
#ifndef SEPARATRIX_PLUGIN_H
#define SEPARATRIX_PLUGIN_H

#include <separatrix/field.h>
#include <separatrix/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of sx_plugin; the operations have their own, SX_MODEL_ABI. */
#define SX_PLUGIN_ABI 1
/** Name of the exported function. */
#define SX_PLUGIN_SYMBOL "sx_plugin_entry"
/** Before its definition. */
#if defined(__GNUC__)
#define SX_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define SX_PLUGIN_EXPORT
#endif

/** A number that [model] options may give. */
typedef struct sx_plugin_option {
    const char *name; /**< key in `options` */
    double def;       /**< default; NaN: must be given */
    /** closed range; lo == hi == 0: any finite number */
    double lo, hi;
    const char *help; /**< one sentence, or NULL */
} sx_plugin_option;

/** What `create` fills in; struct_size, desc.struct_size, desc.ops and desc.kind (a flow) are set before. */
typedef struct sx_plugin_model {
    size_t struct_size; /**< sizeof(sx_plugin_model) */
    /** layout.n is required; without layout.arrays it is one array "x". block, panel and flops may stay 0, strings NULL. What is pointed
     *  to is copied when `create` has returned, but self, which ops->destroy frees. */
    sx_model_desc desc;
    const double *point; /**< n numbers: a state at which F is finite; NULL: the origin */
} sx_plugin_model;

/** The table that a plug-in returns; constant. */
typedef struct sx_plugin {
    /** SX_PLUGIN_ABI; sizeof(sx_plugin) */
    uint32_t abi, struct_size;
    const sx_model_ops *ops;         /**< operations, with their own abi and struct_size */
    const sx_plugin_option *options; /**< ends with a NULL name; NULL: none */
    /** Make the data of a model. @param[in] values one number per option, in their order, within their ranges. @returns 0; else the model
     *  cannot be made, and `message` (of `size` bytes) says why. */
    int (*create)(const double *values, sx_plugin_model *out, char *message, size_t size);
    /** F for complex numbers, or NULL: n * b pairs (real, imaginary), x[2 (unit * b + replica)], which may be read as double _Complex
     *  or std::complex<double>. Must be analytic: no abs, conj, max of real parts. w has the scratch of F. */
    void (*F_complex)(const void *self, double t, const double *x, double *out, int64_t b, sx_work w);
} sx_plugin;

/** The function that a plug-in exports. */
typedef const sx_plugin *(*sx_plugin_entry_function)(void);
/** The same, to be defined by the plug-in. */
SX_PLUGIN_EXPORT const sx_plugin *sx_plugin_entry(void);

/** Options of [model] kind = "plugin". */
typedef struct sx_plugin_opts {
    size_t struct_size; /**< sizeof(sx_plugin_opts) */
    const char *file;   /**< path of the shared library */
    double tolerance;   /**< largest relative error of a derivative completed by differences; worse ones are left out */
} sx_plugin_opts;
/** Field table of sx_plugin_opts. */
SX_API extern const sx_field sx_plugin_fields[];

/** A model from a table; missing derivatives are completed and logged. Options by name; those not named have their defaults.
 *  @param[in] name what the plug-in is called in messages. Errors: SX_E_FILE (another abi, no unit, ...), SX_E_USAGE (an option),
 *  SX_E_NUMERIC (F is not finite at the starting point). Cost: some hundred evaluations of F for eight replicas. */
SX_API sx_status sx_plugin_create(sx_ctx *ctx, const char *name, const sx_plugin *table, int n_options,
                                  const char *const *names, const double *values, double tolerance,
                                  sx_model **out) SX_MUST_USE;
/** The same from a shared library, loaded with RTLD_NOW | RTLD_LOCAL and held until the model is freed. A plug-in is code: load only
 *  what you trust. @param[in] path with a '/', else the working directory is meant. */
SX_API sx_status sx_plugin_open(sx_ctx *ctx, const char *path, int n_options, const char *const *names,
                                const double *values, double tolerance, sx_model **out) SX_MUST_USE;
/** Where the derivatives of such a model come from, with their errors: "jvp by complex step; hvv, phv by differences of jvp, relative
 *  error 2e-12". NULL for other models. Borrowed. */
SX_API const char *sx_plugin_derivatives(const sx_model *m);

#ifdef __cplusplus
}
#endif
#endif
