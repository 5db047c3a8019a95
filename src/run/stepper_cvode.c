// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Stiff noise-free flows by CVODE (SUNDIALS): backward differentiation formulas of order 1 to 5. Each replica is integrated by
 * itself and CVODE is reinitialised at every output step: dearer than one long run, but the state after an output step is a pure
 * function of the state before it, so splitting a run or a block of replicas changes no bit. Newton systems: dense, with the
 * model's Jacobian, up to n = 500; beyond that GMRES with the model's J v. SUNDIALS allocates by itself. */
#include "run/stepper_private.h"

#include <cvode/cvode.h>
#include <nvector/nvector_serial.h>
#include <stdlib.h>
#include <string.h>
#include <sunlinsol/sunlinsol_dense.h>
#include <sunlinsol/sunlinsol_spgmr.h>
#include <sunmatrix/sunmatrix_dense.h>

_Static_assert(sizeof(realtype) == sizeof(double), "SUNDIALS must be built for double precision");

enum { DENSE_LIMIT = 500, MAX_SUBSTEPS = 100000 };

typedef struct problem {
    const sx_stepper *s;
    sx_work w;
    double *jacobian; /* n x n, row-major */
    char message[256];
} problem;

typedef struct solver {
    SUNContext context;
    void *memory;
    N_Vector y;
    SUNMatrix matrix;
    SUNLinearSolver linear;
} solver;

static bool dense(const sx_stepper *s) {
    return s->n <= DENSE_LIMIT;
}

int64_t sx_cvode_extra_(const sx_stepper *s) {
    return (s->n + 7) / 8 * 8 + (dense(s) ? (s->n * s->n + 7) / 8 * 8 : 0);
}

static int right_hand_side(realtype t, N_Vector y, N_Vector ydot, void *user) {
    problem *p = user;
    sx_model_F(p->s->m, t, sx_as_cbatch_(N_VGetArrayPointer(y), p->s->n, 1),
               sx_as_batch_(N_VGetArrayPointer(ydot), p->s->n, 1), p->w);
    return p->s->k->nonfinite(p->s->n, N_VGetArrayPointer(ydot)) ? 1 : 0; /* 1: try a smaller step */
}

static int jacobian(realtype t, N_Vector y, N_Vector fy, SUNMatrix J, void *user, N_Vector t1, N_Vector t2,
                    N_Vector t3) {
    problem *p = user;
    const int64_t n = p->s->n;
    (void)fy;
    (void)t1;
    (void)t2;
    (void)t3;
    sx_model_operations(p->s->m)->jacobian(sx_model_self(p->s->m), t, N_VGetArrayPointer(y), p->jacobian, p->w);
    for (int64_t j = 0; j < n; j++) {
        double *column = SUNDenseMatrix_Column(J, j);
        for (int64_t i = 0; i < n; i++) column[i] = p->jacobian[i * n + j];
    }
    return p->s->k->nonfinite(n * n, p->jacobian) ? 1 : 0;
}

static int jacobian_times(N_Vector v, N_Vector Jv, realtype t, N_Vector y, N_Vector fy, void *user, N_Vector tmp) {
    problem *p = user;
    const int64_t n = p->s->n;
    (void)fy;
    (void)tmp;
    sx_model_operations(p->s->m)->jvp(sx_model_self(p->s->m), t, sx_as_cbatch_(N_VGetArrayPointer(y), n, 1),
                                      sx_as_cbatch_(N_VGetArrayPointer(v), n, 1),
                                      sx_as_batch_(N_VGetArrayPointer(Jv), n, 1), p->w);
    return 0;
}

/* Keep the text instead of printing it. */
static void keep_message(int code, const char *module, const char *function, char *text, void *user) {
    problem *p = user;
    (void)module;
    (void)function;
    if (code >= 0) return; /* a warning */
    size_t length = strlen(text);
    if (length >= sizeof p->message) length = sizeof p->message - 1;
    memcpy(p->message, text, length);
    p->message[length] = 0;
}

static void solver_free(solver *v) {
    if (v->memory) CVodeFree(&v->memory);
    if (v->linear) (void)SUNLinSolFree(v->linear);
    if (v->matrix) SUNMatDestroy(v->matrix);
    if (v->y) N_VDestroy(v->y);
    if (v->context) (void)SUNContext_Free(&v->context);
}

static sx_status solver_create(sx_ctx *ctx, problem *p, double *column, double t, solver *v) {
    const sx_stepper *s = p->s;
    const sx_model_ops *ops = sx_model_operations(s->m);
    memset(v, 0, sizeof *v);
    if (SUNContext_Create(NULL, &v->context) != 0) goto memory;
    if (!(v->y = N_VMake_Serial(s->n, column, v->context))) goto memory;
    if (!(v->memory = CVodeCreate(CV_BDF, v->context))) goto memory;
    if (CVodeSetErrHandlerFn(v->memory, keep_message, p) != CV_SUCCESS) goto memory;
    if (CVodeInit(v->memory, right_hand_side, t, v->y) != CV_SUCCESS) goto memory;
    if (dense(s)) {
        if (!(v->matrix = SUNDenseMatrix(s->n, s->n, v->context))) goto memory;
        if (!(v->linear = SUNLinSol_Dense(v->y, v->matrix, v->context))) goto memory;
    } else if (!(v->linear = SUNLinSol_SPGMR(v->y, SUN_PREC_NONE, 30, v->context))) {
        goto memory;
    }
    int flag = CVodeSetUserData(v->memory, p);
    if (flag == CV_SUCCESS) flag = CVodeSStolerances(v->memory, s->rtol, s->atol);
    if (flag == CV_SUCCESS) flag = CVodeSetMaxNumSteps(v->memory, MAX_SUBSTEPS);
    if (flag == CV_SUCCESS) flag = CVodeSetMaxHnilWarns(v->memory, -1);
    if (flag == CV_SUCCESS) flag = CVodeSetLinearSolver(v->memory, v->linear, v->matrix);
    /* a model without the derivative gets CVODE's difference quotients */
    if (flag == CV_SUCCESS && dense(s) && ops->jacobian) flag = CVodeSetJacFn(v->memory, jacobian);
    if (flag == CV_SUCCESS && !dense(s) && ops->jvp) flag = CVodeSetJacTimes(v->memory, NULL, jacobian_times);
    if (flag == CV_SUCCESS) return SX_OK;
    solver_free(v);
    return SX_FAIL(ctx, SX_E_INTERNAL, "cvode: setting up failed with code %d: %s", flag, p->message);
memory:
    solver_free(v);
    return SX_FAIL(ctx, SX_E_MEMORY, "cvode: no memory for %lld units", (long long)s->n);
}

/* Batches: the new states (x is replaced only when every replica has succeeded). */
sx_status sx_advance_cvode_(sx_ctx *ctx, const sx_stepper *s, double t0, int64_t step, int64_t count, sx_batch x,
                            double *p, double *extra, sx_work w) {
    const int64_t n = s->n, b = x.b;
    double *column = extra;
    problem q = { s, w, extra + (n + 7) / 8 * 8, "" };
    solver v;
    if (count == 0) return SX_OK;
    SX_TRY(ctx, solver_create(ctx, &q, column, t0 + (double)step * s->h, &v));
    sx_status status = SX_OK;
    for (int64_t r = 0; r < b && status == SX_OK; r++) {
        for (int64_t u = 0; u < n; u++) column[u] = x.x[u * b + r];
        q.w.replica0 = w.replica0 + r;
        for (int64_t k = step; k < step + count; k++) {
            const double t = t0 + (double)k * s->h, end = t0 + (double)(k + 1) * s->h;
            realtype reached = t;
            int flag = CVodeReInit(v.memory, t, v.y);
            if (flag == CV_SUCCESS) flag = CVodeSetStopTime(v.memory, end);
            if (flag == CV_SUCCESS) flag = CVode(v.memory, end, v.y, &reached, CV_NORMAL);
            if (flag < 0) {
                char *name = CVodeGetReturnFlagName(flag);
                status = SX_FAIL(ctx, SX_E_NUMERIC, "cvode: replica %lld between t = %g and %g: %s %s",
                                 (long long)(w.replica0 + r), t, end, name, q.message);
                free(name);
                break;
            }
        }
        for (int64_t u = 0; u < n; u++) p[u * b + r] = column[u];
    }
    if (status == SX_OK) memcpy(x.x, p, (size_t)(n * b) * sizeof(double));
    solver_free(&v);
    return status;
}
