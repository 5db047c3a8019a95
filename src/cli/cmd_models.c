// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* separatrix models, separatrix tasks: what the field tables say. */
#include "cli/cli.h"

#include <separatrix/experiment.h>
#include <separatrix/models.h>

#include <string.h>

static const char *const type_names[] = { "boolean",   "integer", "integer", "number", "text",   "choice",
                                          "number(s)", "units",   "texts",   "table",  "tables", "initial state" };

static void print_fields(sx_ctx *ctx, const sx_field *f, int indent) {
    for (; f && f->name; f++) {
        char *range = NULL;
        printf("%*s%-*s %-9s", indent, "", 22 - indent, f->name, type_names[f->type]);
        if (f->flags & SX_REQUIRED)
            printf("  required");
        else if (f->def && strcmp(f->def, "nan") != 0)
            printf("  default %s", f->def);
        if (f->type != SX_TABLE && f->type != SX_TABLES && f->type != SX_BOOL &&
            !(f->lo == 0 && f->hi == 0 && f->type != SX_ENUM) && sx_field_range(ctx, f, &range) == SX_OK)
            printf("  %s", range);
        if (f->unit && strcmp(f->unit, "1") != 0) printf("  [%s]", f->unit);
        if (f->flags & SX_FROM_FILE) printf("  or { file = }");
        if (f->help) printf("\n%*s%s", 24, "", f->help);
        printf("\n");
        sx_free(ctx, range);
        if (f->sub) print_fields(ctx, f->sub, indent + 4);
    }
}

static void print_operations(const sx_model_ops *o) {
    const struct {
        const char *name;
        bool there;
    } ops[] = { { "F", o->F != NULL },
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
                { "sample", o->sample != NULL } };
    printf("\nOperations:");
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (ops[i].there) printf(" %s", ops[i].name);
    printf("\n");
}

static void print_model(sx_ctx *ctx, const sx_model_info *m) {
    printf("%s: %s\n\n    %s\n\n%s\n\n[model]\n", m->kind, m->title, m->equation, m->help ? m->help : "");
    print_fields(ctx, m->fields, 2);
    bool cell = strcmp(m->kind, "cell") == 0;
    bool equations = strcmp(m->kind, "equations") == 0;
    bool attention = strcmp(m->kind, "attention") == 0;
    if (!cell && !equations && !attention && strcmp(m->kind, "plugin") != 0) {
        printf("\n[[model.coupling]]\n");
        print_fields(ctx, sx_experiment_coupling_fields(), 2);
        printf("  with `ensemble` also\n");
        print_fields(ctx, sx_ensemble_fields, 4);
    }
    if (strcmp(m->kind, "rate") == 0 || cell) {
        printf("\ninput = a number, a list, { file = } or { kind = }\n");
        print_fields(ctx, sx_input_fields, 2);
    }
    if (strcmp(m->kind, "plugin") == 0) printf("\noptions = a table of numbers, as in { tau = 12.5 }\n");
    printf("\n[noise]\n");
    print_fields(ctx, sx_noise_fields, 2);
    if (m->ops) print_operations(m->ops);
    if (m->example) printf("\nExample (separatrix new %s prints a commented one):\n\n%s", m->kind, m->example);
}

static void print_task(sx_ctx *ctx, const sx_task_ops *t) {
    printf("%s: %s\n\n%s\n\nNeeds of the model: %s\n\n[[task]]\n", t->name, t->title, t->help ? t->help : "",
           t->needs && *t->needs ? t->needs : "nothing");
    printf("  %-20s text       default the value of do\n%24sgroup of the result\n", "name", "");
    printf("  %-20s boolean    default false\n%24send with exit code 4 when nothing is found\n", "require", "");
    print_fields(ctx, t->fields, 2);
    printf("\nOutputs:\n");
    for (const sx_output *o = t->outputs; o && o->name; o++)
        printf("  %s(%s) [%s]\n%24s%s\n", o->name, o->dims ? o->dims : "", o->unit ? o->unit : "1", "",
               o->help ? o->help : "");
    if (t->example) printf("\nExample:\n\n%s", t->example);
}

static int parse_kind(const sx_command *self, int argc, char **argv, const char **kind) {
    static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
    for (int c; (c = getopt_long(argc, argv, ":h", options, NULL)) != -1;)
        return c == 'h' ? sx_cli_help(self) : sx_cli_bad_option(self, c, argv);
    if (argc - optind > 1) return sx_cli_usage(self, "one kind at a time");
    *kind = argc > optind ? argv[optind] : NULL;
    return -1;
}

static int unknown(const sx_command *self, const char *what, const char *kind, const char *const *names, int n) {
    const char *near = sx_nearest(kind, names, n);
    return sx_cli_usage(self, "there is no %s kind '%s' in this version%s%s%s", what, kind,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

int sx_cmd_models(const sx_command *self, int argc, char **argv) {
    const char *kind, *names[64];
    int n, code = parse_kind(self, argc, argv, &kind);
    if (code >= 0) return code;
    const sx_model_info *infos = sx_model_infos(&n);
    sx_ctx *ctx = sx_ctx_create(NULL);
    if (!ctx) return sx_cli_fail(self, NULL, SX_E_MEMORY);
    code = kind ? -1 : 0;
    for (int i = 0; i < n && i < 64; i++) {
        names[i] = infos[i].kind;
        if (!kind)
            printf("%-12s %s\n%-12s %s\n", infos[i].kind, infos[i].title, "", infos[i].equation);
        else if (strcmp(kind, infos[i].kind) == 0) {
            print_model(ctx, &infos[i]);
            code = 0;
        }
    }
    sx_ctx_free(ctx);
    return code < 0 ? unknown(self, "model", kind, names, n) : code;
}

int sx_cmd_tasks(const sx_command *self, int argc, char **argv) {
    const char *kind, *names[64];
    int n, code = parse_kind(self, argc, argv, &kind);
    if (code >= 0) return code;
    const sx_task_ops *const *tasks = sx_tasks(&n);
    sx_ctx *ctx = sx_ctx_create(NULL);
    if (!ctx) return sx_cli_fail(self, NULL, SX_E_MEMORY);
    code = kind ? -1 : 0;
    for (int i = 0; i < n && i < 64; i++) {
        names[i] = tasks[i]->name;
        if (!kind)
            printf("%-12s %s\n", tasks[i]->name, tasks[i]->title);
        else if (strcmp(kind, tasks[i]->name) == 0) {
            print_task(ctx, tasks[i]);
            code = 0;
        }
    }
    sx_ctx_free(ctx);
    return code < 0 ? unknown(self, "task", kind, names, n) : code;
}
