// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Deliberate faults, for the tests of the tests. SX_MUTANT(name) is the constant 0, except in a build with -DSX_MUTANTS=ON, where it is
 * true while the environment variable SX_MUTANT is `name`. tools/mutants.txt says which test must fail on which fault. */
#ifndef SX_CORE_MUTANT_H
#define SX_CORE_MUTANT_H

#ifdef SX_MUTANTS
int sx_mutant_(const char *name);
#define SX_MUTANT(name) sx_mutant_(#name)
#else
#define SX_MUTANT(name) 0
#endif

#endif
