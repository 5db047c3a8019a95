// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* LaTeX of the models as MathML Core: letters, numbers, operators, scripts, fractions, roots, sums, accents, Greek letters. */
#include "report/page.h"

#include <stdio.h>
#include <string.h>

enum { DEPTH = 40 };

typedef struct reader {
    sx_ctx *ctx;
    const char *p;
    int depth;
} reader;

typedef struct symbol {
    const char *name, *text;
    char element; /* i: identifier, f: function name, o: operator, b: big operator, s: space, a: accent */
} symbol;

static const symbol symbols[] = {
    { "alpha", "α", 'i' },      { "beta", "β", 'i' },   { "gamma", "γ", 'i' },   { "delta", "δ", 'i' },
    { "epsilon", "ε", 'i' },    { "zeta", "ζ", 'i' },   { "eta", "η", 'i' },     { "theta", "θ", 'i' },
    { "kappa", "κ", 'i' },      { "lambda", "λ", 'i' }, { "mu", "μ", 'i' },      { "nu", "ν", 'i' },
    { "xi", "ξ", 'i' },         { "pi", "π", 'i' },     { "rho", "ρ", 'i' },     { "sigma", "σ", 'i' },
    { "tau", "τ", 'i' },        { "phi", "ϕ", 'i' },    { "varphi", "φ", 'i' },  { "chi", "χ", 'i' },
    { "psi", "ψ", 'i' },        { "omega", "ω", 'i' },  { "Gamma", "Γ", 'i' },   { "Delta", "Δ", 'i' },
    { "Theta", "Θ", 'i' },      { "Lambda", "Λ", 'i' }, { "Xi", "Ξ", 'i' },      { "Pi", "Π", 'i' },
    { "Sigma", "Σ", 'i' },      { "Phi", "Φ", 'i' },    { "Psi", "Ψ", 'i' },     { "Omega", "Ω", 'i' },
    { "ell", "ℓ", 'i' },        { "hbar", "ℏ", 'i' },   { "infty", "∞", 'i' },   { "nabla", "∇", 'o' },
    { "partial", "∂", 'o' },    { "top", "⊤", 'o' },    { "cdot", "⋅", 'o' },    { "times", "×", 'o' },
    { "odot", "⊙", 'o' },       { "circ", "∘", 'o' },   { "pm", "±", 'o' },      { "leq", "≤", 'o' },
    { "geq", "≥", 'o' },        { "le", "≤", 'o' },     { "ge", "≥", 'o' },      { "neq", "≠", 'o' },
    { "ne", "≠", 'o' },         { "approx", "≈", 'o' }, { "equiv", "≡", 'o' },   { "sim", "∼", 'o' },
    { "propto", "∝", 'o' },     { "in", "∈", 'o' },     { "to", "→", 'o' },      { "leftarrow", "←", 'o' },
    { "rightarrow", "→", 'o' }, { "mapsto", "↦", 'o' }, { "langle", "⟨", 'o' },  { "rangle", "⟩", 'o' },
    { "ldots", "…", 'o' },      { "cdots", "⋯", 'o' },  { "dagger", "†", 'o' },  { "prime", "′", 'o' },
    { "sum", "∑", 'b' },        { "prod", "∏", 'b' },   { "int", "∫", 'o' },     { "quad", "1em", 's' },
    { "qquad", "2em", 's' },    { "dot", "˙", 'a' },    { "ddot", "¨", 'a' },    { "hat", "^", 'a' },
    { "bar", "¯", 'a' },        { "tilde", "~", 'a' },  { "vec", "→", 'a' },     { "sin", NULL, 'f' },
    { "cos", NULL, 'f' },       { "tan", NULL, 'f' },   { "sinh", NULL, 'f' },   { "cosh", NULL, 'f' },
    { "tanh", NULL, 'f' },      { "exp", NULL, 'f' },   { "ln", NULL, 'f' },     { "log", NULL, 'f' },
    { "max", NULL, 'f' },       { "min", NULL, 'f' },   { "erf", NULL, 'f' },    { "det", NULL, 'f' },
    { "Re", NULL, 'f' },        { "Im", NULL, 'f' },    { "arctan", NULL, 'f' },
};

static void element(sx_writer *t, const char *name, const char *text) {
    sx_writer_addf(t, "<%s>", name);
    sx_writer_escape(t, text);
    sx_writer_addf(t, "</%s>", name);
}

static void row(reader *in, sx_writer *t, char close);

static void finish(sx_writer *t, sx_writer *part) {
    if (part->p) sx_writer_add(t, part->p);
    if (part->status < 0) t->status = part->status;
    sx_free(t->ctx, part->p);
}

static void blanks(reader *in) {
    while (*in->p == ' ' || *in->p == '\n') in->p++;
}

static bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* {...} or one atom, as one element. */
static void atom(reader *in, sx_writer *t, bool *under);

static void argument(reader *in, sx_writer *t) {
    bool under;
    blanks(in);
    if (*in->p >= '0' && *in->p <= '9') { /* \tfrac12: one digit each */
        char digit[2] = { *in->p++, 0 };
        element(t, "mn", digit);
        return;
    }
    size_t digits = strncmp(in->p, "{-", 2) == 0 ? strspn(in->p + 2, "0123456789") : 0;
    if (digits > 0 && digits < 20 && in->p[2 + digits] == '}') { /* ^{-1} */
        char number[24];
        snprintf(number, sizeof number, "−%.*s", (int)digits, in->p + 2);
        element(t, "mn", number);
        in->p += digits + 3;
        return;
    }
    if (!*in->p || *in->p == '}')
        sx_writer_add(t, "<mrow></mrow>");
    else
        atom(in, t, &under);
}

/* {text} as it stands */
static void plain(reader *in, char *out, size_t size) {
    size_t n = 0;
    blanks(in);
    if (*in->p == '{') {
        for (in->p++; *in->p && *in->p != '}'; in->p++)
            if (n + 1 < size) out[n++] = *in->p;
        if (*in->p) in->p++;
    }
    out[n] = 0;
}

/* \left( ... \right): brackets that grow with what they hold */
static void fenced(reader *in, sx_writer *t) {
    char bracket[2] = { 0 };
    blanks(in);
    bracket[0] = *in->p;
    if (*in->p) in->p++;
    sx_writer_add(t, "<mrow>");
    if (bracket[0] && bracket[0] != '.') element(t, "mo", bracket);
    row(in, t, ')');
    blanks(in);
    bracket[0] = *in->p;
    if (*in->p) in->p++;
    if (bracket[0] && bracket[0] != '.') element(t, "mo", bracket);
    sx_writer_add(t, "</mrow>");
}

static void command(reader *in, sx_writer *t, bool *under) {
    char name[32];
    size_t n = 0;
    in->p++;
    if (!letter(*in->p)) { /* \, \; \! and blank */
        const char *width = *in->p == '!' ? "-0.17em" : *in->p == ' ' ? "0.5em" : "0.17em";
        if (*in->p) in->p++;
        sx_writer_addf(t, "<mspace width=\"%s\"></mspace>", width);
        return;
    }
    while (letter(*in->p)) {
        if (n + 1 < sizeof name) name[n++] = *in->p;
        in->p++;
    }
    name[n] = 0;
    bool fraction = strcmp(name, "frac") == 0 || strcmp(name, "tfrac") == 0 || strcmp(name, "dfrac") == 0;
    if (fraction || strcmp(name, "sqrt") == 0) {
        sx_writer_add(t, fraction ? "<mfrac>" : "<msqrt>");
        argument(in, t);
        if (fraction) argument(in, t);
        sx_writer_add(t, fraction ? "</mfrac>" : "</msqrt>");
    } else if (strcmp(name, "left") == 0) {
        fenced(in, t);
    } else if (strcmp(name, "mathrm") == 0 || strcmp(name, "mathbf") == 0 || strcmp(name, "text") == 0 ||
               strcmp(name, "operatorname") == 0) {
        char text[64];
        plain(in, text, sizeof text);
        element(t, name[0] == 't' ? "mtext" : "mi", text);
    } else if (strncmp(name, "big", 3) == 0 || strncmp(name, "Big", 3) == 0) {
        char bracket[2] = { *in->p, 0 };
        if (*in->p) in->p++;
        sx_writer_addf(t, "<mo stretchy=\"true\" %s>",
                       strchr("([{", bracket[0]) ? "form=\"prefix\"" : "form=\"postfix\"");
        sx_writer_escape(t, bracket);
        sx_writer_add(t, "</mo>");
    } else {
        const symbol *s = NULL;
        for (size_t k = 0; k < sizeof symbols / sizeof *symbols && !s; k++)
            if (strcmp(symbols[k].name, name) == 0) s = &symbols[k];
        if (!s)
            element(t, "mtext", name);
        else if (s->element == 's')
            sx_writer_addf(t, "<mspace width=\"%s\"></mspace>", s->text);
        else if (s->element == 'a') {
            sx_writer_add(t, "<mover accent=\"true\">");
            argument(in, t);
            element(t, "mo", s->text);
            sx_writer_add(t, "</mover>");
        } else if (s->element == 'f')
            element(t, "mi", name);
        else {
            *under = s->element == 'b';
            element(t, s->element == 'i' ? "mi" : "mo", s->text);
        }
    }
}

static void atom(reader *in, sx_writer *t, bool *under) {
    *under = false;
    char c = *in->p, text[64];
    size_t n = 0;
    if (c == '{') {
        in->p++;
        sx_writer_add(t, "<mrow>");
        row(in, t, '}');
        if (*in->p == '}') in->p++;
        sx_writer_add(t, "</mrow>");
    } else if (c == '\\') {
        command(in, t, under);
    } else if ((c >= '0' && c <= '9') || (c == '.' && in->p[1] >= '0' && in->p[1] <= '9')) {
        while ((*in->p >= '0' && *in->p <= '9') || *in->p == '.' ||
               (*in->p == 'e' && (in->p[1] == '-' || in->p[1] == '+') && in->p[2] >= '0' && in->p[2] <= '9')) {
            bool exponent = *in->p == 'e';
            if (n + 2 < sizeof text) text[n++] = *in->p;
            in->p++;
            if (exponent && n + 2 < sizeof text) text[n++] = *in->p;
            if (exponent) in->p++;
        }
        text[n] = 0;
        element(t, "mn", text);
    } else if (letter(c)) {
        text[0] = c;
        text[1] = 0;
        in->p++;
        element(t, "mi", text);
    } else { /* an operator, or any other character of UTF-8 */
        text[n++] = *in->p++;
        while (((unsigned char)*in->p & 0xc0) == 0x80 && n + 1 < sizeof text) text[n++] = *in->p++;
        text[n] = 0;
        sx_writer_add(t, strchr("()[]|", c) ? "<mo stretchy=\"false\">" : "<mo>");
        sx_writer_escape(t, c == '-' ? "−" : text);
        sx_writer_add(t, "</mo>");
    }
}

static bool is_function(const char *p) {
    size_t n = 0;
    if (*p++ != '\\') return false;
    while (letter(p[n])) n++;
    for (size_t k = 0; k < sizeof symbols / sizeof *symbols; k++)
        if (symbols[k].element == 'f' && strlen(symbols[k].name) == n && strncmp(symbols[k].name, p, n) == 0)
            return true;
    return false;
}

/* An atom with its scripts: x_i^2, \tanh', \sum_j */
static void scripted(reader *in, sx_writer *t) {
    sx_writer base = { .ctx = t->ctx }, sub = base, sup = base;
    bool under = false;
    bool function = is_function(in->p);
    atom(in, &base, &under);
    for (;;) {
        const char *back = in->p;
        blanks(in);
        if (*in->p == '\'') {
            in->p++;
            sx_writer_add(&sup, "<mo>′</mo>");
        } else if ((*in->p == '_' && !sub.p) || (*in->p == '^' && !sup.p)) {
            sx_writer *script = *in->p++ == '_' ? &sub : &sup;
            argument(in, script);
        } else {
            in->p = back;
            break;
        }
    }
    static const char *const tags[2][4] = { { "", "msub", "msup", "msubsup" },
                                            { "", "munder", "mover", "munderover" } };
    const char *tag = tags[under][(sub.p ? 1 : 0) + (sup.p ? 2 : 0)];
    if (*tag) sx_writer_addf(t, "<%s>", tag);
    if (!base.p) sx_writer_add(&base, "<mrow></mrow>");
    finish(t, &base);
    finish(t, &sub);
    finish(t, &sup);
    if (*tag) sx_writer_addf(t, "</%s>", tag);
    blanks(in);
    if (function && (letter(*in->p) || *in->p == '\\'))
        sx_writer_add(t, "<mspace width=\"0.17em\"></mspace>"); /* tanh u */
}

/* Up to the closing brace, \right (close = ')'), ",\quad" at the top (close = ','), or the end. */
static void row(reader *in, sx_writer *t, char close) {
    if (++in->depth > DEPTH) {
        in->p += strlen(in->p);
        in->depth--;
        return;
    }
    while (t->status >= 0) {
        blanks(in);
        if (!*in->p || (*in->p == '}' && close == '}')) break;
        if (close == ')' && strncmp(in->p, "\\right", 6) == 0 && !letter(in->p[6])) {
            in->p += 6;
            break;
        }
        if (close == ',' && strncmp(in->p, ",\\quad", 6) == 0) break;
        scripted(in, t);
    }
    in->depth--;
}

void sx_page_math(sx_writer *t, const char *latex) {
    reader in = { t->ctx, latex, 0 };
    while (*in.p && t->status >= 0) {
        sx_writer_add(t, "<math display=\"block\"><mrow>");
        row(&in, t, ',');
        sx_writer_add(t, "</mrow></math>\n");
        if (strncmp(in.p, ",\\quad", 6) == 0) in.p += 6;
        blanks(&in);
    }
}
