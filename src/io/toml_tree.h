// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* The tree behind sx_toml: plain C nodes in one arena. toml.cpp fills it from toml++, toml_tree.c reads and changes it,
 * toml_print.c writes it. */
#ifndef SX_IO_TOML_TREE_H
#define SX_IO_TOML_TREE_H

#include <separatrix/io.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SX_TOML_MAX_TEXT = 1 << 20,   /* bytes of a document */
    SX_TOML_MAX_DEPTH = 32,       /* tables and arrays inside each other */
    SX_TOML_MAX_KEYS = 100000,    /* keys of a document */
    SX_TOML_MAX_STRING = 64 << 10 /* bytes of a string or key */
};

struct sx_toml_node {
    sx_toml_type type;
    bool inlined;     /* a table written { ... }, an array written [ ... ] */
    bool boolean;     /* SX_TOML_BOOL */
    int line, column; /* of the value; 0 for nodes that no file holds */
    int key_line, key_column;
    const char *key;   /* NULL in arrays and for the root; arena */
    const char *cause; /* "--set KEY=VALUE" or "default" for nodes that no file holds; arena */
    char *origin;      /* made on demand; arena */
    char *key_origin;
    sx_toml *doc;         /* borrowed */
    int64_t count, space; /* children used, children that fit */
    sx_toml_node **child; /* arena */
    const char *text;     /* SX_TOML_STRING, SX_TOML_DATE; arena, zero-terminated */
    size_t length;
    int64_t integer;
    double number;
};

typedef struct sx_toml_block {
    struct sx_toml_block *next;
    size_t used, size;
    /* content follows */
} sx_toml_block;

struct sx_toml {
    sx_ctx *ctx; /* borrowed: origins are made on demand */
    sx_toml_block *blocks;
    char *name;
    int64_t n_keys;
    sx_toml_node *root;
};

/* Zero-filled memory that lives as long as the document. *out is untouched on failure. */
sx_status sx_toml_take(sx_ctx *ctx, sx_toml *t, size_t n, size_t size, void *out) SX_MUST_USE;
sx_status sx_toml_take_text(sx_ctx *ctx, sx_toml *t, const char *text, size_t n, const char **out) SX_MUST_USE;
/* Would the printer give this node a [header] of its own? */
bool sx_toml_is_section(const sx_toml_node *node);

/* toml.cpp: parse text into nodes of the arena of `t` (a table; not hung into the document). `cause` NULL: nodes carry places.
 * Otherwise they carry the cause and messages begin with it. */
sx_status sx_toml_build(sx_ctx *ctx, sx_toml *t, const char *text, size_t n, const char *cause,
                        sx_toml_node **out) SX_MUST_USE;
/* toml.cpp: the shortest text that reads back as the same double, independent of the locale, as a TOML float. */
void sx_toml_float_text(double value, char text[40]);

#ifdef __cplusplus
}
#endif
#endif
