// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* What the documentation generates its tables from, as JSON on standard output: the field tables of models, tasks, couplings, noise and
 * inputs, the operations of the models, the outputs of the tasks, the table of steppers. Built and run by docs/generate.py. */
#include <separatrix/experiment.h>
#include <separatrix/separatrix.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static void text(const char *s) {
    if (!s) {
        printf("null");
        return;
    }
    putchar('"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            printf("\\%c", *s);
        else if ((unsigned char)*s < 32)
            printf("\\u%04x", (unsigned)*s);
        else
            putchar(*s);
    }
    putchar('"');
}

static void fields(sx_ctx *ctx, const sx_field *f) {
    static const char *const types[] = { "boolean", "integer",       "integer", "number", "text",
                                         "choice",  "number(s)",     "units",   "texts",  "table",
                                         "tables",  "initial state", "data",    "points" };
    printf("[");
    for (int n = 0; f && f->name; f++, n++) {
        char *range = NULL;
        bool ranged = f->type != SX_TABLE && f->type != SX_TABLES && f->type != SX_BOOL && f->type != SX_ENUM &&
                      f->type != SX_STRING && !(f->lo == 0 && f->hi == 0);
        if (ranged && sx_field_range(ctx, f, &range) < 0) range = NULL;
        printf("%s{\"name\":", n ? "," : "");
        text(f->name);
        printf(",\"type\":\"%s\",\"default\":", types[f->type]);
        text(f->def);
        printf(",\"unit\":");
        text(f->unit);
        printf(",\"help\":");
        text(f->help);
        printf(",\"choices\":");
        text(f->choices);
        printf(",\"shape\":");
        text(f->shape);
        printf(",\"range\":");
        text(range);
        printf(",\"required\":%s,\"file\":%s,\"sub\":", f->flags & SX_REQUIRED ? "true" : "false",
               f->flags & SX_FROM_FILE ? "true" : "false");
        fields(ctx, f->sub);
        printf("}");
        sx_free(ctx, range);
    }
    printf("]");
}

static void operations(const sx_model_ops *o) {
    const struct {
        const char *name;
        bool there;
    } list[] = { { "F", o->F != NULL },
                 { "jvp", o->jvp != NULL },
                 { "vjp", o->vjp != NULL },
                 { "hvv", o->hvv != NULL },
                 { "phv", o->phv != NULL },
                 { "tvvv", o->tvvv != NULL },
                 { "jacobian", o->jacobian != NULL },
                 { "divergence", o->divergence != NULL },
                 { "potential", o->potential != NULL },
                 { "gradient", o->gradient != NULL },
                 { "metric", o->metric != NULL },
                 { "reentrant", o->reentrant != NULL },
                 { "sample", o->sample != NULL },
                 { "kick", o->kick != NULL },
                 { "move", o->move != NULL },
                 { "observe", o->observe != NULL },
                 { "symmetry", o->symmetry != NULL } };
    printf("{");
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        printf("%s\"%s\":%s", i ? "," : "", list[i].name, list[i].there ? "true" : "false");
    printf("}");
}

static void models(sx_ctx *ctx) {
    int n;
    const sx_model_info *m = sx_model_infos(&n);
    printf("\"models\":[");
    for (int i = 0; i < n; i++) {
        printf("%s{\"kind\":", i ? "," : "");
        text(m[i].kind);
        printf(",\"title\":");
        text(m[i].title);
        printf(",\"equation\":");
        text(m[i].equation);
        printf(",\"help\":");
        text(m[i].help);
        printf(",\"example\":");
        text(m[i].example);
        printf(",\"operations\":");
        operations(m[i].ops);
        printf(",\"fields\":");
        fields(ctx, m[i].fields);
        printf("}");
    }
    printf("]");
}

static void tasks(sx_ctx *ctx) {
    int n;
    const sx_task_ops *const *t = sx_tasks(&n);
    printf("\"tasks\":[");
    for (int i = 0; i < n; i++) {
        printf("%s{\"name\":", i ? "," : "");
        text(t[i]->name);
        printf(",\"title\":");
        text(t[i]->title);
        printf(",\"help\":");
        text(t[i]->help);
        printf(",\"needs\":");
        text(t[i]->needs);
        printf(",\"example\":");
        text(t[i]->example);
        printf(",\"fields\":");
        fields(ctx, t[i]->fields);
        printf(",\"outputs\":[");
        for (const sx_output *o = t[i]->outputs; o && o->name; o++) {
            printf("%s{\"name\":", o == t[i]->outputs ? "" : ",");
            text(o->name);
            printf(",\"dims\":");
            text(o->dims);
            printf(",\"unit\":");
            text(o->unit);
            printf(",\"help\":");
            text(o->help);
            printf("}");
        }
        printf("]}");
    }
    printf("]");
}

static void number(double v) {
    if (isinf(v))
        printf("\"exact\"");
    else
        printf("%g", v);
}

static void steppers(void) {
    static const sx_noise_class classes[] = { SX_NOISE_NONE, SX_NOISE_ADDITIVE_DIAGONAL, SX_NOISE_ADDITIVE_MATRIX,
                                              SX_NOISE_DIAGONAL, SX_NOISE_GENERAL };
    printf("\"noise_classes\":[");
    for (int k = 0; k < 5; k++) {
        if (k) putchar(',');
        text(sx_noise_class_name(classes[k]));
    }
    printf("],\"steppers\":[");
    for (int m = SX_METHOD_AUTO + 1; m <= SX_METHOD_MAP; m++) {
        char name[48];
        printf("%s{\"name\":", m > SX_METHOD_AUTO + 1 ? "," : "");
        text(sx_choice_name(SX_METHOD_CHOICES, m, name, sizeof name));
        printf(",\"cells\":[");
        for (int k = 0; k < 5; k++) {
            const char *refusal = NULL;
            double strong = sx_stepper_capability((sx_method)m, classes[k], &refusal);
            printf("%s{\"strong\":", k ? "," : "");
            number(strong);
            printf(",\"weak\":");
            number(sx_stepper_weak_order((sx_method)m, classes[k]));
            printf(",\"refusal\":");
            text(refusal);
            printf("}");
        }
        printf("]}");
    }
    printf("]");
}

int main(void) {
    sx_ctx *ctx = sx_ctx_create(NULL);
    if (!ctx) return 1;
    printf("{\"version\":");
    text(sx_version());
    printf(",");
    models(ctx);
    printf(",");
    tasks(ctx);
    printf(",\"coupling\":");
    fields(ctx, sx_experiment_coupling_fields());
    printf(",\"ensemble\":");
    fields(ctx, sx_ensemble_fields);
    printf(",\"noise\":");
    fields(ctx, sx_noise_fields);
    printf(",\"input\":");
    fields(ctx, sx_input_fields);
    printf(",");
    steppers();
    printf("}\n");
    sx_ctx_free(ctx);
    return ferror(stdout) ? 1 : 0;
}
