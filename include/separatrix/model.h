// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/** @file model.h  A model: an immutable table of operations over batches, with layout, noise and calculus.
 *
 *      dx = [ F(t,x) + c(x) ] dt + sqrt(2) B(x) dW,     F = -G(x)^-1 grad Phi(x) + R(t,x),     B B^T = D(x)
 *
 *  The model holds the noise-free F; the correction c follows from the calculus (see sx_model_correction). Batches are
 *  unit-major: x[unit][replica], the b replicas of a unit contiguous (ld == b), 64-byte aligned, so that a dense coupling is one
 *  matrix product and elementwise work is vector code. Operations are pure, thread-safe and never allocate. */
#ifndef SEPARATRIX_MODEL_H
#define SEPARATRIX_MODEL_H

#include <separatrix/context.h>
#include <separatrix/random.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Numbers of n units in b replicas: x[unit * b + replica]. */
typedef struct sx_batch {
    double *x; /**< n * b numbers */
    int64_t n; /**< units */
    int64_t b; /**< replicas, the columns */
} sx_batch;
/** The same, read only. */
typedef struct sx_cbatch {
    const double *x; /**< n * b numbers */
    int64_t n;       /**< units */
    int64_t b;       /**< as a base point b == 1 serves every column of the direction */
} sx_cbatch;
/** A batch as a read-only one. */
static inline sx_cbatch sx_const_batch(sx_batch x) {
    sx_cbatch c;
    c.x = x.x;
    c.n = x.n;
    c.b = x.b;
    return c;
}

/** Scratch of an operation, sized by ops->work, and the executor for its unit panels (NULL = serial; same bits). */
typedef struct sx_work {
    double *p;           /**< scratch, 64-byte aligned */
    int64_t doubles;     /**< its size */
    const sx_exec *exec; /**< executor of panels; NULL = serial */
    int64_t
        replica0; /**< global replica of the first column; read only by inputs with trials (replica r uses trial r mod trials) */
} sx_work;

/** Named state arrays, concatenated in order. Unit u of the flat state is element u - first of its array. */
typedef struct sx_state_array {
    const char *name;          /**< "x" for single-array models */
    const char *dim;           /**< name of its index: "unit" for single-array models */
    int64_t n;                 /**< units */
    const char *const *labels; /**< n labels, or NULL */
} sx_state_array;
/** The state arrays of a model. */
typedef struct sx_layout {
    int64_t n;                    /**< sum over arrays */
    int n_arrays;                 /**< number of arrays */
    const sx_state_array *arrays; /**< the arrays, in the order of the flat state */
} sx_layout;

/** Kind of time: dx = ... dt; x' = F(x); x' drawn from a law; positions and momenta with half steps. */
typedef enum sx_kind { SX_FLOW, SX_MAP, SX_SAMPLER, SX_HAMILTONIAN } sx_kind;
/** How state-dependent noise is read; sx_model_correction gives the drift that follows. */
typedef enum sx_calculus { SX_KINETIC, SX_ITO, SX_STRATONOVICH, SX_COVARIANT } sx_calculus;
/** Their names in experiment files. */
#define SX_CALCULUS_CHOICES "kinetic|ito|stratonovich|covariant"

/** Form of a Jacobian matrix. */
typedef enum sx_matrix_form { SX_MATRIX_DENSE, SX_MATRIX_CSR } sx_matrix_form;

/** The operations, for ops->work. */
typedef enum sx_op {
    SX_OP_F,
    SX_OP_JVP,
    SX_OP_VJP,
    SX_OP_HVV,
    SX_OP_PHV,
    SX_OP_TVVV,
    SX_OP_JACOBIAN,
    SX_OP_DIVERGENCE,
    SX_OP_POTENTIAL,
    SX_OP_GRADIENT,
    SX_OP_METRIC,
    SX_OP_REENTRANT,
    SX_OP_SAMPLE,
    SX_OP_KICK,
    SX_OP_MOVE,
    SX_OP_OBSERVE,
    SX_OP_COUNT
} sx_op;

struct sx_coupling; /* coupling.h */
struct sx_input;    /* models.h */

/** Version of the tables of operations. */
#define SX_MODEL_ABI 1
/** Operations. `self` is the model's own immutable data. A direction batch u has u.b columns; the base point x has x.b == u.b or
 *  x.b == 1. out never aliases an input. */
typedef struct sx_model_ops {
    /** SX_MODEL_ABI; sizeof(sx_model_ops) */
    uint32_t abi, struct_size;
    const char *name; /**< name of the model kind */
    /* required */
    int64_t (*work)(const void *self, sx_op op, int64_t b);                      /**< doubles of scratch */
    void (*F)(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w); /**< drift, or the map */
    /* derivatives of F; missing ones are an SX_E_UNSUPPORTED that names them */
    void (*jvp)(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_batch out, sx_work w); /**< J u */
    void (*vjp)(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work w); /**< J^T p */
    void (*hvv)(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_batch out,
                sx_work w); /**< d2F[u,v] */
    void (*phv)(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_cbatch v, sx_batch out,
                sx_work w); /**< grad_x (p.J v) */
    void (*tvvv)(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch w3, sx_batch out,
                 sx_work w); /**< d3F[u,v,w3] */
    /** J at one point, row-major n x n. */
    void (*jacobian)(const void *self, double t, const double *x, double *out, sx_work w);
    void (*divergence)(const void *self, double t, sx_cbatch x, double *out, sx_work w); /**< tr J, one per column */
    /* parts; without default */
    void (*potential)(const void *self, double t, sx_cbatch x, double *out, sx_work w); /**< Phi, one per column */
    void (*gradient)(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w); /**< grad Phi */
    void (*metric)(const void *self, int inverse, sx_cbatch x, sx_cbatch v, sx_batch out,
                   sx_work w);                                                           /**< G v or G^-1 v */
    void (*reentrant)(const void *self, double t, sx_cbatch x, sx_batch out, sx_work w); /**< R */
    /** Draw the next state of a sampler, in place: a function of (key, step, replica0 + column, unit, state) alone. */
    void (*sample)(const void *self, sx_key key, uint64_t step, int64_t replica0, sx_batch x, sx_work w);
    /** Hamiltonian: advance the momenta by h. */
    void (*kick)(const void *self, double t, double h, sx_batch x, sx_work w);
    /** Hamiltonian: advance the positions by h. */
    void (*move)(const void *self, double t, double h, sx_batch x, sx_work w);
    /** Observable number `which`, one number per column. */
    void (*observe)(const void *self, double t, sx_cbatch x, int which, double *out, sx_work w);
    int (*symmetry)(const void *self, int i, sx_cbatch x, sx_batch out); /**< i-th generator; 0 = no more */
    const void *f32;                                                     /**< reserved */
    /** Free self. */
    void (*destroy)(sx_ctx *ctx, void *self);
    /** The same model with another coupling between its units (NULL: as it is) or another input (NULL: as it is): new data in *out. */
    sx_status (*rebind)(sx_ctx *ctx, const void *self, const struct sx_coupling *weights, const struct sx_input *input,
                        void **out);
    double (*input_end)(const void *self); /**< NULL: INFINITY */
    int64_t (*trials)(const void *self);   /**< NULL: 1 */
} sx_model_ops;

/** What the noise looks like; decides which steppers fit. */
typedef enum sx_noise_class {
    SX_NOISE_NONE,
    SX_NOISE_ADDITIVE_DIAGONAL, /**< constant, one source per unit (scalar or per unit) */
    SX_NOISE_ADDITIVE_MATRIX,   /**< constant n x rank matrix */
    SX_NOISE_DIAGONAL,          /**< B_ii depends on x_i only */
    SX_NOISE_GENERAL            /**< any B(x) */
} sx_noise_class;
/** Name of a noise class; static. */
SX_API const char *sx_noise_class_name(sx_noise_class c);

/** Noise operations, D = B B^T. Missing (NULL) state derivatives mean that they vanish (additive noise). */
typedef struct sx_noise_ops {
    /** SX_MODEL_ABI; sizeof(sx_noise_ops) */
    uint32_t abi, struct_size;
    const char *name; /**< name of the noise */
    /** doubles of scratch for b columns */
    int64_t (*work)(const void *self, int64_t b);
    void (*B)(const void *self, double t, sx_cbatch x, sx_cbatch w, sx_batch out, sx_work wk); /**< w[rank][b] -> B w */
    void (*Bt)(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out, sx_work wk); /**< p[n][b] -> B^T p */
    /** D^-1 v (pseudo-inverse) and the norm per column of the part of v outside the range of D. */
    void (*Dinv)(const void *self, double t, sx_cbatch x, sx_cbatch v, sx_batch out, double *residual, sx_work wk);
    void (*div_D)(const void *self, double t, sx_cbatch x, sx_batch out, sx_work wk); /**< d_k D_ik */
    void (*strat)(const void *self, double t, sx_cbatch x, sx_batch out, sx_work wk); /**< (d_k B_ij) B_kj */
    void (*covariant)(const void *self, double t, sx_cbatch x, sx_batch out,
                      sx_work wk); /**< |G|^-1/2 d_j(|G|^1/2 D_ij) */
    void (*dB)(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch w, sx_batch out,
               sx_work wk); /**< (u.grad B) w */
    void (*grad_pDp)(const void *self, double t, sx_cbatch x, sx_cbatch p, sx_batch out,
                     sx_work wk); /**< grad_x p.D p */
    void (*d2D)(const void *self, double t, sx_cbatch x, sx_cbatch u, sx_cbatch v, sx_cbatch p, sx_batch out,
                sx_work wk); /**< d2D[u,v] p */
    /** Free self. */
    void (*destroy)(sx_ctx *ctx, void *self);
} sx_noise_ops;

/** A noise: class, rank (columns of B), operations. Immutable, reference counted. */
typedef struct sx_noise sx_noise;
/** A model: opaque, immutable, shared by reference. */
typedef struct sx_model sx_model;

/** All that makes a model; strings and arrays are copied, `self` is owned by the model on success. */
typedef struct sx_model_desc {
    size_t struct_size;      /**< sizeof(sx_model_desc) */
    const sx_model_ops *ops; /**< borrowed for the life of the model (const table) */
    void *self;              /**< data of the model, passed to every operation */
    sx_kind kind;            /**< kind of time */
    sx_layout layout;        /**< state arrays; n is the sum of their lengths */
    int64_t block;           /**< replicas of a block: a function of the model; multiple of 8 */
    int64_t panel;           /**< rows of a unit panel */
    double flops;            /**< floating-point operations of F per replica, for predictions */
    const char *equation;    /**< as text, "tau x' = -x + g W phi(x) + I" */
    const char *latex;       /**< the same for the report */
} sx_model_desc;
/** Initialiser: struct_size set, everything else zero. */
#define SX_MODEL_DESC                                                                                                  \
    { sizeof(sx_model_desc) }

/** Create from operations; for own models and plug-ins. The model starts without noise and with the kinetic calculus. */
SX_API sx_status sx_model_create(sx_ctx *ctx, const sx_model_desc *desc, sx_model **out) SX_MUST_USE;
/** The same model with another noise and calculus (O(1); the parts are shared). noise NULL = none. */
SX_API sx_status sx_model_with_noise(sx_ctx *ctx, const sx_model *m, const sx_noise *noise, sx_calculus calculus,
                                     sx_model **out) SX_MUST_USE;
/** The same model with other weights between its units, or with its input held at constant values, one per channel (units, or input features
 *  of a cell): the rest is shared or copied, noise and calculus are kept. O(1) in the weights. SX_E_UNSUPPORTED: the model kind has no
 *  single coupling, or no input, to exchange; SX_E_USAGE: another number of units. */
SX_API sx_status sx_model_with_weights(sx_ctx *ctx, const sx_model *m, const struct sx_coupling *weights,
                                       sx_model **out) SX_MUST_USE;
/** The same for an input held constant. */
SX_API sx_status sx_model_with_input(sx_ctx *ctx, const sx_model *m, int64_t channels, const double *values,
                                     sx_model **out) SX_MUST_USE;
/** Numbers of such an input; 0: the model takes none. */
SX_API int64_t sx_model_channels(const sx_model *m);
/** Coloured (Ornstein-Uhlenbeck) noise: the state becomes (x, eta), x' = F + eta, eta' = -eta/tau + sqrt(2 D)/tau xi. `noise`
 *  must be additive; its D is the white-noise limit tau -> 0. The noise array is named "eta". */
SX_API sx_status sx_model_with_coloured_noise(sx_ctx *ctx, const sx_model *m, const sx_noise *noise, double tau,
                                              sx_model **out) SX_MUST_USE;
/** One more reference; returns m. */
SX_API sx_model *sx_model_ref(const sx_model *m);
SX_API void sx_model_free(sx_ctx *ctx, sx_model *m); /**< drops one reference; NULL is fine */

/** Name of the model kind. */
SX_API const char *sx_model_name(const sx_model *m);
/** Equation as text; borrowed. */
SX_API const char *sx_model_equation(const sx_model *m);
/** Equation as LaTeX; borrowed. */
SX_API const char *sx_model_latex(const sx_model *m);
/** Kind of time. */
SX_API sx_kind sx_model_kind(const sx_model *m);
/** Calculus of the noise. */
SX_API sx_calculus sx_model_calculus(const sx_model *m);
/** State arrays; borrowed. */
SX_API const sx_layout *sx_model_layout(const sx_model *m);
/** Numbers in the flat state. */
SX_API int64_t sx_model_n(const sx_model *m);
/** Replicas of a block. */
SX_API int64_t sx_model_block(const sx_model *m);
/** Rows of a unit panel. */
SX_API int64_t sx_model_panel(const sx_model *m);
/** Floating-point operations of F per replica. */
SX_API double sx_model_flops(const sx_model *m);
/** The table of operations; borrowed. */
SX_API const sx_model_ops *sx_model_operations(const sx_model *m);
/** The data that the operations take; borrowed. */
SX_API const void *sx_model_self(const sx_model *m);
SX_API const sx_noise *sx_model_noise(const sx_model *m); /**< never NULL; class SX_NOISE_NONE without noise */
/** Whether the model has an operation, by name "F", "jvp", "potential", ...; unknown names are false. */
SX_API bool sx_model_has(const sx_model *m, const char *operation);
/** Time at which the data of an input end (to be checked before a run), INFINITY when they never do; number of its trials (1: none). */
SX_API double sx_model_input_end(const sx_model *m);
/** Number of trials of the input, 1 without any. */
SX_API int64_t sx_model_trials(const sx_model *m);
/** Label of a flat unit: its label, or "x[3]" written into buf. */
SX_API const char *sx_model_unit_label(const sx_model *m, int64_t unit, char *buf, size_t size);

/** Doubles of scratch that any operation of the model, its noise and the functions below need for b columns. */
SX_API int64_t sx_model_work(const sx_model *m, int64_t b);
/** out = F(t, x), or the map. */
SX_API void sx_model_F(const sx_model *m, double t, sx_cbatch x, sx_batch out, sx_work w);
/** The correction c that makes F + c the drift read in the calculus `as` (SX_ITO or SX_STRATONOVICH): the model's own c for
 *  Ito, that minus (d_k B_ij) B_kj for Stratonovich. False (out untouched) when it vanishes identically. */
SX_API bool sx_model_correction(const sx_model *m, sx_calculus as, double t, sx_cbatch x, sx_batch out, sx_work w);
/** Estimate of the spectral radius of J at x (power iteration on J^T J, fixed start); needs jvp and vjp. */
SX_API sx_status sx_model_stiffness(sx_ctx *ctx, const sx_model *m, const double *x, double *out) SX_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
