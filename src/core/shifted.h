// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Many linear systems with one matrix and many shifts, s - A: a reduction to Hessenberg form, O(n^3) once, after which every shift costs O(n^2)
 * per right-hand side (A. J. Laub, IEEE Trans. Autom. Control 26 (1981) 407). Row-major. */
#ifndef SX_CORE_SHIFTED_H
#define SX_CORE_SHIFTED_H

#include <separatrix/context.h>

/* A = Q H Q^T with Q orthogonal and H zero below its first subdiagonal. */
sx_status sx_hessenberg(sx_ctx *ctx, int64_t n, const double *A, double *H, double *Q) SX_MUST_USE;
/* m row vectors y with y (s - H) = r, s = s_re + i s_im; re and im are [m][n], r on entry and y on return. scratch: 7 n doubles. Gaussian elimination with
 * pivoting between neighbouring rows. False when s is an eigenvalue of H (to the last bit); y is then undefined. */
bool sx_hessenberg_rows(int64_t n, const double *H, double s_re, double s_im, int64_t m, double *re, double *im,
                        double *scratch);

#endif
