// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* Texts: the tree of a text and of its own printing are the same; wrong models with the place and what would be right. */
#include "equations_world.h"

#define LENGTH(a) (int)(sizeof(a) / sizeof *(a))

static char *printed(sx_ctx *ctx, const sx_eq_tree *t, bool latex) {
    sx_eq_buffer b = { 0 };
    OK(sx_eq_print(ctx, t, latex, &b));
    return b.p;
}

/* Text -> tree -> text in normal form. */
static void test_print(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        { "1+2*3", "1 + 2*3", "1 + 2 \\cdot 3" },
        { "(1+2)*3", "(1 + 2)*3", "\\left(1 + 2\\right) \\cdot 3" },
        { "-x^2", "-x^2", "-x^{2}" },
        { "(-x)^2", "(-x)^2", "\\left(-x\\right)^{2}" },
        { "2^3^2", "2^3^2", "2^{3^{2}}" },
        { "(2^3)**2", "(2^3)^2", "\\left(2^{3}\\right)^{2}" },
        { "2^-x*y", "2^-x*y", "2^{-x}\\, y" },
        { "a-(b-c)-d", "a - (b - c) - d", "a - \\left(b - c\\right) - d" },
        { "a/(b*c)/d", "a/(b*c)/d", "\\frac{\\frac{a}{b\\, c}}{d}" },
        { "-(a*b)", "-(a*b)", "-\\left(a\\, b\\right)" },
        { "-a*b", "-a*b", "-a\\, b" },
        { "a*-b", "a*-b", "a\\, -b" },
        { "a - -b", "a - -b", "a - -b" },
        { "+x", "x", "x" },
        { "pow(x, 2)", "x^2", "x^{2}" },
        { "sum( j ,W[ i , j ]*x[j+1 ])", "sum(j, W[i,j]*x[j+1])", "\\sum_{j} W_{i,j}\\, x_{j+1}" },
        { "K[i-j-2]", "K[i-j-2]", "K_{i-j-2}" },
        { "x[0]", "x[0]", "x_{0}" },
        { "if(x>=0,sqrt(x),-x)", "if(x >= 0, sqrt(x), -x)", "\\mathrm{if}(x \\ge 0, \\sqrt{x}, -x)" },
        { "max(tau, x_in)", "max(tau, x_in)", "\\max\\left(\\tau , x_{\\mathrm{in}}\\right)" },
        { "1.50e3 + .5 + 1e-7", "1500 + 0.5 + 1e-07", "1500 + 0.5 + 1e-07" },
        { "0.1", "0.1", "0.1" },
        { "a*(b/c)", "a*(b/c)", "a\\, \\frac{b}{c}" },
        { "(x/y)^2", "(x/y)^2", "\\left(\\frac{x}{y}\\right)^{2}" },
        { "abs(log(x_e[i]))", "abs(log(x_e[i]))", "|\\ln\\left(x_{e,i}\\right)|" },
        { "2*sum(j,x[j])^2", "2*sum(j, x[j])^2", "2\\, \\left(\\sum_{j} x_{j}\\right)^{2}" },
    };
    sx_ctx *ctx = sx_ctx_create(NULL);
    for (int k = 0; k < LENGTH(cases); ++k) {
        sx_eq_tree t;
        sx_eq_error e;
        OK(sx_eq_parse(ctx, cases[k][0], &t, &e));
        char *plain = printed(ctx, &t, false), *latex = printed(ctx, &t, true);
        assert_string_equal(plain, cases[k][1]);
        assert_string_equal(latex, cases[k][2]);
        sx_free(ctx, plain);
        sx_free(ctx, latex);
        sx_eq_tree_free(ctx, &t);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* parse(print(tree)) == tree for 2000 random expressions. */
static void test_round_trip(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    for (uint64_t seed = 1; seed <= 2000; ++seed) {
        writer w = { .seed = seed + 100000 };
        sx_eq_tree a, b;
        sx_eq_error e;
        write_expression(&w, 1 + (int)(seed % 5), (int)(seed % 2));
        OK(sx_eq_parse(ctx, w.text, &a, &e));
        char *text = printed(ctx, &a, false);
        OK(sx_eq_parse(ctx, text, &b, &e));
        if (!sx_eq_tree_equal(&a, &b)) {
            print_error("seed %d: %s -> %s\n", (int)seed, w.text, text);
            fail();
        }
        sx_free(ctx, text);
        sx_eq_tree_free(ctx, &a);
        sx_eq_tree_free(ctx, &b);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- wrong texts --------------------------------------------------------------------------------------------------------------- */

static void test_wrong_texts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int position;
        const char *why;
    } cases[] = {
        { "", 1, "the text is empty: want an expression" },
        { "   ", 4, "the text is empty: want an expression" },
        { "1 +", 4, "want a number, a name, '-' or '(', got the end of the text" },
        { "x y", 3, "want an operator or the end, got 'y' (a product is written with *)" },
        { "2x", 2, "want an operator after the number 2 (a product is written with *)" },
        { "(x", 3, "want ')' for the '(' of the bracket at character 1, got the end of the text" },
        { "x)", 2, "a ')' without '('" },
        { "tanh(x", 7, "want ')' for the '(' of tanh at character 5, got the end of the text" },
        { "tanh(x, y)", 7, "tanh takes 1 argument: want ')'" },
        { "max(x)", 6, "max takes 2 arguments: want ','" },
        { "max(x, y, z)", 9, "max takes 2 arguments: want ')'" },
        { "sqr(x)", 1,
          "unknown function 'sqr'; did you mean 'sqrt'? known: sum, if, exp, expm1, log, log1p, sqrt, sin, cos, tan, "
          "tanh, "
          "sinh, cosh, erf, abs, sign, heaviside, atan, min, max, pow" },
        { "x[i", 4, "want ']' for the '[' at character 2, got the end of the text" },
        { "x[]", 3, "want an index or a whole number in [ ], as in x[i], x[i+1] or x[0], got ']'" },
        { "x[i+1.5]", 6, "the number of an element: want a whole number" },
        { "x[i+j+k]", 7, "an element takes at most two indices in one place, as in K[i-j]" },
        { "x[1+2]", 5, "an element takes one whole number, as in x[i+1]" },
        { "W[i,j,k]", 2, "W has more than two indices" },
        { "(x)[i]", 4, "'[' after an expression: only names have elements" },
        { "x < 1", 3, "a comparison outside of if(comparison, a, b)" },
        { "if(x, 1, 2)", 5, "if: want a comparison (< <= > >= == !=) first, as in if(x > 0, x, 0)" },
        { "if(x > 0, 1)", 12, "if takes a comparison and two expressions: want ','" },
        { "if(x > 0, 1, 2, 3)", 15, "if takes a comparison and two expressions: want ')'" },
        { "if(0 < x < 1, 1, 2)", 10, "if takes one comparison; nest several: if(a < b, if(b < c, x, y), y)" },
        { "x = 1", 3, "a single '='; equality is written ==, inside if" },
        { "sum(x[j])", 6, "sum: want ',' after the index x, got '['" },
        { "sum(2, x)", 5, "sum: want an index first, as in sum(j, W[i,j]*x[j]), got '2'" },
        { "sum(j, x[j], 2)", 12, "sum takes an index and one expression: want ')'" },
        { "1, 2", 2, "a ',' outside of a function" },
        { "1e", 3, "a number: want digits of the exponent" },
        { "1e999", 1, "the number 1e999 is too large" },
        { "1.2.3", 4, "a number with two decimal points" },
        { "x & y", 3, "want an operator or the end, got '&'" },
        { "x + \xc3\xa9", 5, "want a number, a name, '-' or '(', got the byte 0xC3" },
        { "exp(x; y)", 6, "want an operator, ',' or ')', got ';'" },
        { "*x", 1, "want a number, a name, '-' or '(', got '*'" },
        { "x//y", 3, "want a number, a name, '-' or '(', got '/'" },
        { "()", 2, "want a number, a name, '-' or '(', got ')'" },
        { "system(1)", 1,
          "unknown function 'system'; known: sum, if, exp, expm1, log, log1p, sqrt, sin, cos, tan, tanh, sinh, cosh, "
          "erf, abs, sign, "
          "heaviside, atan, min, max, pow" },
    };
    sx_ctx *ctx = sx_ctx_create(NULL);
    for (int k = 0; k < LENGTH(cases); ++k) {
        sx_eq_tree t;
        sx_eq_error e = { 0, "" };
        int status = sx_eq_parse(ctx, cases[k].text, &t, &e);
        if (status != SX_E_USAGE || e.position != cases[k].position || strcmp(e.why, cases[k].why) != 0) {
            print_error("'%s': %d, character %d: %s\n", cases[k].text, status, (int)e.position, e.why);
            fail();
        }
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Limits: length, nesting, nodes; long chains need no depth. */
static void test_limits(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    char *text = malloc(EQ_TEXT_MAX + 10);
    sx_eq_tree t;
    sx_eq_error e;
    memset(text, ' ', EQ_TEXT_MAX + 1);
    text[0] = 'x';
    text[EQ_TEXT_MAX] = '\0';
    OK(sx_eq_parse(ctx, text, &t, &e));
    sx_eq_tree_free(ctx, &t);
    text[EQ_TEXT_MAX] = ' ';
    text[EQ_TEXT_MAX + 1] = '\0';
    assert_int_equal(sx_eq_parse(ctx, text, &t, &e), SX_E_USAGE);
    assert_string_equal(e.why, "the text is longer than 65536 characters");
    for (int depth = EQ_DEPTH_MAX; depth <= EQ_DEPTH_MAX + 1; ++depth) {
        memset(text, '(', (size_t)depth);
        text[depth] = 'x';
        memset(text + depth + 1, ')', (size_t)depth);
        text[2 * depth + 1] = '\0';
        if (depth == EQ_DEPTH_MAX) {
            OK(sx_eq_parse(ctx, text, &t, &e));
            sx_eq_tree_free(ctx, &t);
        } else {
            assert_int_equal(sx_eq_parse(ctx, text, &t, &e), SX_E_USAGE);
            assert_string_equal(e.why, "brackets and operators are nested more than 200 deep");
            assert_int_equal(e.position, EQ_DEPTH_MAX + 1);
        }
    }
    memset(text, '-', 60000);
    (void)strcpy(text + 60000, "x");
    assert_int_equal(sx_eq_parse(ctx, text, &t, &e), SX_E_USAGE);
    for (int k = 0; k < 30000; ++k) memcpy(text + 2 * k, "x+", 2);
    (void)strcpy(text + 60000, "x");
    OK(sx_eq_parse(ctx, text, &t, &e));
    char *again = printed(ctx, &t, false);
    assert_true(strlen(again) == 4 * 30000 + 1);
    sx_free(ctx, again);
    sx_eq_tree_free(ctx, &t);
    free(text);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* -- wrong models --------------------------------------------------------------------------------------------------------------- */

typedef struct model_text {
    sx_equations_index indices[4];
    sx_equations_state states[3];
    sx_equations_parameter parameters[4];
    sx_equations_text definitions[3], equations[3];
    sx_equations_desc d;
} model_text;
static const double ones[20] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
                    bad[4] = { 1, 2, NAN, 4 }, zeros[4] = { 1, 0, 1, 1 };

static void good(model_text *m) {
    memset(m, 0, sizeof *m);
    m->indices[0] = (sx_equations_index){ "i", 4, NULL };
    m->indices[1] = (sx_equations_index){ "j", 0, "i" };
    m->indices[2] = (sx_equations_index){ "k", 5, NULL };
    m->states[0] = (sx_equations_state){ "x", "i", NULL };
    m->states[1] = (sx_equations_state){ "u", NULL, NULL };
    m->parameters[0] = (sx_equations_parameter){ "g", NULL, { 1, ones }, NULL };
    m->parameters[1] = (sx_equations_parameter){ "tau", "i", { 4, ones }, NULL };
    m->parameters[2] = (sx_equations_parameter){ "W", "i, j", { 16, ones }, NULL };
    m->parameters[3] = (sx_equations_parameter){ "z", "i", { 4, zeros }, NULL };
    m->definitions[0] = (sx_equations_text){ "r[i]", "tanh(x[i])" };
    m->definitions[1] = (sx_equations_text){ "K[i,j]", "x[i]*x[j]" };
    m->equations[0] = (sx_equations_text){ "x", "-x[i]" };
    m->equations[1] = (sx_equations_text){ "u", "-u" };
    m->d = (sx_equations_desc){ .struct_size = sizeof m->d,
                                .n_indices = 3,
                                .indices = m->indices,
                                .n_states = 2,
                                .states = m->states,
                                .n_parameters = 4,
                                .parameters = m->parameters,
                                .n_definitions = 2,
                                .definitions = m->definitions,
                                .n_equations = 2,
                                .equations = m->equations };
}

static void expect(sx_ctx *ctx, const sx_equations_desc *d, int section, int item, int position, const char *message) {
    sx_equations_fault f = { -1, -1, -1 };
    sx_model *out = NULL;
    sx_status status = sx_equations_create(ctx, d, &f, &out);
    if (status != SX_E_USAGE || strcmp(sx_ctx_message(ctx), message) != 0 || f.section != section || f.item != item ||
        f.position != position) {
        print_error("status %d, section %d item %d character %d: %s\nwant section %d item %d character %d: %s\n",
                    status, f.section, f.item, (int)f.position, status < 0 ? sx_ctx_message(ctx) : "", section, item,
                    position, message);
        sx_model_free(ctx, out);
        fail();
    }
    assert_null(out);
    sx_ctx_clear(ctx);
}

static void test_wrong_equations(void **state) {
    (void)state;
    static const struct {
        int line; /* 0: x, 1: u, 2: r, 3: K */
        const char *text;
        int position;
        const char *message;
    } cases[] = {
        { 0, "-x[i] + y", 9,
          "equations.x: character 9: unknown name 'y'; want a state, a parameter, a definition above, an index, t or "
          "pi" },
        { 0, "-x[i] + tua[i]", 9,
          "equations.x: character 9: unknown name 'tua'; did you mean 'tau'? want a state, a parameter, a definition "
          "above, an index, t or pi" },
        { 0, "-x", 2, "equations.x: character 2: 'x' has one index: want x[i]" },
        { 0, "g[i]", 1, "equations.x: character 1: 'g' has no index: want g alone" },
        { 0, "x[i,j]", 1, "equations.x: character 1: 'x' has one index: want x[i]" },
        { 0, "W[i]", 1, "equations.x: character 1: 'W' has two indices: want W[i,j]" },
        { 0, "W[i,j]*x[j]", 0, "equations.x: depends on the index j, but the left side has i: sum over it" },
        { 0, "x[j]", 0, "equations.x: depends on the index j, but the left side has i: sum over it" },
        { 1, "x[i]", 0, "equations.u: depends on the index i, but the left side has none: sum over it" },
        { 0, "x[k]", 3, "equations.x: character 3: x runs over i (4 elements), but k over another range (5)" },
        { 0, "sum(j, W[i,k])", 12,
          "equations.x: character 12: index 2 of W runs over j (4 elements), but k over another range (5)" },
        { 0, "sum(l, x[l])", 10, "equations.x: character 10: there is no index 'l'; the indices are i, j, k" },
        { 0, "sum(l, x[i])", 5, "equations.x: character 5: there is no index 'l'; the indices are i, j, k" },
        { 0, "x[4]", 1, "equations.x: character 1: x[4]: want an element from 0 to 3" },
        { 0, "x[-1]", 1, "equations.x: character 1: x[-1]: want an element from 0 to 3" },
        { 0, "x[-i]", 4, "equations.x: character 4: an index in [ ] with '-' before it needs another, as in K[i-j]" },
        { 0, "sum(j, W[i,j+1])", 8, "equations.x: character 8: W has two indices: want plain ones, as in W[i,j]" },
        { 0, "sum(j, x[i+i]*x[j])", 12, "equations.x: character 12: the index i twice in one place" },
        { 0, "sum(j, sum(k, W[i,j]*k))", 21,
          "equations.x: character 21: this depends on the indices i, j and k at once: want at most two; move factors "
          "out of the inner sum" },
        { 0, "x[i]/0", 5, "equations.x: character 5: division by 0" },
        { 0, "x[i]/(g-1)", 5, "equations.x: character 5: division by 0" },
        { 0, "g/z[i]", 2, "equations.x: character 2: division by 0 at element 1" },
        { 0, "x[i]/z[i]", 5, "equations.x: character 5: division by 0 at element 1" },
        { 0, "log(-g)*x[i]", 1, "equations.x: character 1: the constant here is nan: want a finite number" },
        { 0, "exp(1000)", 1, "equations.x: character 1: the constant here is inf: want a finite number" },
        { 0, "1e308*10*x[i]", 6, "equations.x: character 6: the constant here is inf: want a finite number" },
        { 0, "sum(j, x[j]/(i-j))", 0, "equations.x: a kernel of two indices is inf at [0,0]: want finite numbers" },
        { 0, "2 x[i]", 3,
          "equations.x: character 3: want an operator or the end, got 'x' (a product is written with *)" },
        { 2, "K[i,i]", 1,
          "let.r[i]: character 1: 'K' is defined further down: a definition may use only those above it" },
        { 2, "r[i] + 1", 1,
          "let.r[i]: character 1: 'r' is defined further down: a definition may use only those above it" },
        { 2, "x[k]", 3, "let.r[i]: character 3: x runs over i (4 elements), but k over another range (5)" },
        { 3, "sum(i, x[i])*k", 0, "let.K[i,j]: depends on the index k, but the left side has i and j: sum over it" },
    };
    sx_ctx *ctx = sx_ctx_create(NULL);
    model_text m;
    good(&m);
    sx_model *fine = NULL;
    OK(sx_equations_create(ctx, &m.d, NULL, &fine));
    sx_model_free(ctx, fine);
    for (int k = 0; k < LENGTH(cases); ++k) {
        good(&m);
        int line = cases[k].line;
        *(line < 2 ? &m.equations[line].text : &m.definitions[line - 2].text) = cases[k].text;
        expect(ctx, &m.d, line < 2 ? 5 : 4, line < 2 ? line : line - 2, cases[k].position, cases[k].message);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static void test_wrong_tables(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    model_text m;
#define WRONG(change, section, item, message)                                                                          \
    do {                                                                                                               \
        good(&m);                                                                                                      \
        change;                                                                                                        \
        expect(ctx, &m.d, section, item, 0, message);                                                                  \
    } while (0)
    WRONG(m.indices[0].n = 0, 1, 0, "index.i: 0 elements: want 1 to 2^31 - 1");
    WRONG(m.indices[1].name = "i", 1, 1, "index.i: the name 'i' is already taken");
    WRONG(m.indices[1].same = "k", 1, 1, "index.j: there is no index 'k' above it to run over");
    WRONG(m.indices[0].name = "2i", 1, 0,
          "index.2i: a name is 1 to 64 letters, digits and '_', not beginning with a digit");
    WRONG(m.d.n_states = 0, 2, 0, "state: there is no state: want at least one name");
    WRONG(m.states[0].name = "t", 2, 0, "state.t: the name 't' is already taken (it is the time)");
    WRONG(m.states[0].name = "pi", 2, 0, "state.pi: the name 'pi' is already taken (it is the number)");
    WRONG(m.states[0].name = "exp", 2, 0, "state.exp: 'exp' is a function; want another name");
    WRONG(m.states[1].name = "x", 2, 1, "state.x: the name 'x' is already taken");
    WRONG(m.states[0].index = "q", 2, 0, "state.x: there is no index 'q'; the indices are i, j, k");
    WRONG(m.parameters[0].name = "x", 3, 0, "parameters.x: the name 'x' is already taken");
    WRONG(m.parameters[0].name = "if", 3, 0, "parameters.if: 'if' is a function; want another name");
    WRONG(m.parameters[0].values.n = 3, 3, 0, "parameters.g: 3 numbers: want 1, or a shape such as \"i\"");
    WRONG(m.parameters[1].values.n = 3, 3, 1, "parameters.tau: 3 numbers: want 1 or 4");
    WRONG(m.parameters[1].values.data = bad, 3, 1, "parameters.tau: number 2 is nan: want finite numbers");
    WRONG(m.parameters[1].shape = "q", 3, 1, "parameters.tau: there is no index 'q'; the indices are i, j, k");
    WRONG(m.parameters[2].shape = "i,j,k", 3, 2, "parameters.W: shape \"i,j,k\": want at most two indices");
    WRONG(m.parameters[2].values.n = 15, 3, 2, "parameters.W: 15 numbers: want 1 or 4 x 4");
    WRONG(m.parameters[2].shape = "i,k", 3, 2, "parameters.W: 16 numbers: want 1 or 4 x 5");
    WRONG(m.definitions[0].left = "g[i]", 4, 0, "let.g[i]: the name 'g' is already taken");
    WRONG(m.definitions[0].left = "r[i+1]", 4, 0, "let.r[i+1]: want plain indices on the left, as in r[i]");
    WRONG(m.definitions[1].left = "K[i,i]", 4, 1, "let.K[i,i]: want two different indices on the left");
    WRONG(m.definitions[0].left = "2*r", 4, 0, "let.2*r: want a name on the left, as in x or r[i]");
    WRONG(m.equations[0].left = "y", 5, 0, "equations.y: there is no state 'y'; the states are x, u");
    WRONG(m.equations[0].left = "x[j]", 5, 0, "equations.x[j]: want x[i] on the left");
    WRONG(m.equations[1].left = "u[i]", 5, 1, "equations.u[i]: want u on the left");
    WRONG(m.equations[1].left = "x", 5, 1, "equations.x: a second line for the state x");
    WRONG(m.d.n_equations = 1, 7, 1, "equations: there is no line for the state u");
    WRONG(m.d.boundary = 3, 0, 0, "boundary = 3: want 0 (cyclic), 1 (zero) or 2 (copy)");
    WRONG(m.d.time = 2, 0, 0, "time = 2: want 0 (continuous) or 1 (discrete)");
#undef WRONG
    sx_coupling *w = dense(ctx, "w", 3, 1.0);
    good(&m);
    m.parameters[2].coupling = w;
    expect(ctx, &m.d, 3, 2, 0, "parameters.W: 3 x 3 numbers: want 4 x 4");
    good(&m);
    m.parameters[1].coupling = w;
    expect(ctx, &m.d, 3, 1, 0, "parameters.tau: a coupling has two indices: want shape = \"i,j\"");
    sx_coupling_free(ctx, w);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print),  cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_wrong_texts),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_wrong_equations), cmocka_unit_test(test_wrong_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
