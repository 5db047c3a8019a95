// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* safetensors: length of the header (8 bytes, little endian), the header in JSON, the numbers of all tensors. Header:
 * {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ..., "__metadata__": {text: text}}.
 * Every tensor is checked, also those that are not asked for: the data must be covered without gap, overlap or rest.
 * The header is scanned before a JSON parser sees it (depth, numbers, memory). Source: the format description of the reference
 * implementation (huggingface/safetensors, README "Format"). */
#include "io/array_private.h"

#include <cjson/cJSON.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tensor {
    const char *name;
    sx_number_type type; /* kind 0: known, but not read */
    const char *dtype;
    int ndim;
    int64_t shape[8], begin, end;
} tensor;

typedef struct reader {
    const sx_source *s;
    const char *text; /* the header */
    size_t length;
    int64_t payload; /* bytes after the header */
    tensor *tensors, **order;
    int64_t n;
} reader;

static sx_status header_fail(const reader *r, size_t at, const char *what) {
    return SX_FAIL(r->s->ctx, SX_E_FILE, "%s: header, byte %llu: %s", r->s->name, (unsigned long long)at + 1, what);
}

/* A quoted text that begins at *at. */
static sx_status scan_text(const reader *r, size_t *at) {
    const char *t = r->text;
    for (size_t i = *at + 1; i < r->length; i++) {
        if (t[i] == '"') {
            *at = i + 1;
            return SX_OK;
        }
        if ((unsigned char)t[i] < 0x20) return header_fail(r, i, "a control character in a text");
        if (t[i] != '\\') continue;
        if (r->length - i > 5 && memcmp(t + i, "\\u0000", 6) == 0) return header_fail(r, i, "a NUL in a text");
        i++;
    }
    return header_fail(r, *at, "the closing quote is missing");
}

/* Depth, numbers (only whole ones >= 0 occur in this format) and the memory the parsed tree will need. */
static sx_status scan_header(const reader *r) {
    const char *t = r->text;
    int64_t nodes = 1;
    int depth = 0;
    size_t bad;
    if (!sx_utf8_valid(t, r->length, &bad)) return header_fail(r, bad, "not UTF-8");
    for (size_t i = 0; i < r->length;) {
        char c = t[i];
        if (c == '"') {
            SX_TRY(r->s->ctx, scan_text(r, &i));
            continue;
        }
        if (c == '{' || c == '[' || c == ',') nodes++;
        if ((c == '{' || c == '[') && ++depth > SX_SAFETENSORS_DEPTH)
            return header_fail(r, i, "nested more than 4 deep");
        if (c == '}' || c == ']') depth--;
        if (c == '-' || (c >= '0' && c <= '9')) {
            size_t first = i;
            while (i < r->length && t[i] >= '0' && t[i] <= '9') i++;
            bool whole = i > first && (t[first] != '0' || i == first + 1) && i - first <= 15;
            if (!whole || (i < r->length && (t[i] == '.' || t[i] == 'e' || t[i] == 'E' || t[i] == '+' || t[i] == '-')))
                return header_fail(r, first, "a number that is not a whole number from 0 to 999999999999999");
            continue;
        }
        if (c == 0 || ((unsigned char)c < 0x20 && c != '\t' && c != '\n' && c != '\r'))
            return header_fail(r, i, "a control character");
        i++;
    }
    if (nodes > (r->s->limit - (int64_t)r->length) / (int64_t)sizeof(cJSON))
        return SX_FAIL(r->s->ctx, SX_E_FILE, "%s: a header of %lld values, more than the limit of %lld bytes holds",
                       r->s->name, (long long)nodes, (long long)r->s->limit);
    return SX_OK;
}

/* Source of sizes: the reference implementation; those without a kind are known but not read. */
static bool find_type(const char *dtype, sx_number_type *type) {
    static const struct {
        const char *name;
        char kind;
        int size;
    } known[] = { { "F64", 'f', 8 }, { "F32", 'f', 4 },  { "F16", 'f', 2 },  { "BF16", 'h', 2 },  { "I64", 'i', 8 },
                  { "I32", 'i', 4 }, { "I16", 'i', 2 },  { "I8", 'i', 1 },   { "U64", 'u', 8 },   { "U32", 'u', 4 },
                  { "U16", 'u', 2 }, { "U8", 'u', 1 },   { "BOOL", 'b', 1 }, { "F8_E4M3", 0, 1 }, { "F8_E5M2", 0, 1 },
                  { "C64", 0, 8 },   { "F8_E8M0", 0, 1 } };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (strcmp(dtype, known[k].name) == 0) {
            *type = (sx_number_type){ known[k].kind, known[k].size, false };
            return true;
        }
    return false;
}

static sx_status tensor_fail(const reader *r, const tensor *t, const char *what) {
    char quote[SX_QUOTE];
    return SX_FAIL(r->s->ctx, SX_E_FILE, "%s: tensor '%s' %s", r->s->name,
                   sx_text_quote(quote, t->name, (int64_t)strlen(t->name)), what);
}

static sx_status read_numbers(const reader *r, const tensor *t, const cJSON *list, const char *what, int most,
                              int64_t *out, int *count) {
    int n = 0;
    const cJSON *item;
    if (!cJSON_IsArray(list)) return tensor_fail(r, t, what);
    cJSON_ArrayForEach(item, list) {
        if (n == most || !cJSON_IsNumber(item)) return tensor_fail(r, t, what);
        out[n++] = (int64_t)item->valuedouble; /* whole and below 10^15: scan_header */
    }
    *count = n;
    return SX_OK;
}

static sx_status read_tensor(const reader *r, const cJSON *node, tensor *t) {
    const cJSON *dtype = NULL, *shape = NULL, *offsets = NULL, *item;
    int64_t place[2], n = 1;
    int count = 0;
    t->name = node->string;
    if (!cJSON_IsObject(node)) return tensor_fail(r, t, "is not described by { ... }");
    cJSON_ArrayForEach(item, node) {
        const cJSON **slot = strcmp(item->string, "dtype") == 0          ? &dtype
                             : strcmp(item->string, "shape") == 0        ? &shape
                             : strcmp(item->string, "data_offsets") == 0 ? &offsets
                                                                         : NULL;
        if (!slot) return tensor_fail(r, t, "has an unknown key; dtype, shape and data_offsets are known");
        if (*slot) return tensor_fail(r, t, "has a key twice");
        *slot = item;
    }
    if (!dtype || !shape || !offsets) return tensor_fail(r, t, "needs dtype, shape and data_offsets");
    if (!cJSON_IsString(dtype) || !find_type(dtype->valuestring, &t->type))
        return tensor_fail(r, t, "has a dtype that is not known");
    t->dtype = dtype->valuestring;
    SX_TRY(r->s->ctx,
           read_numbers(r, t, shape, "has a shape that is not a list of at most 8 numbers", 8, t->shape, &t->ndim));
    SX_TRY(r->s->ctx, read_numbers(r, t, offsets, "has data_offsets that are not two numbers", 2, place, &count));
    if (count != 2) return tensor_fail(r, t, "has data_offsets that are not two numbers");
    t->begin = place[0];
    t->end = place[1];
    if (t->begin > t->end || t->end > r->payload) {
        char text[160];
        (void)snprintf(text, sizeof text, "has data_offsets [%lld, %lld], but the file holds %lld bytes of data",
                       (long long)t->begin, (long long)t->end, (long long)r->payload);
        return tensor_fail(r, t, text);
    }
    for (int k = 0; k < t->ndim; k++) {
        if (t->shape[k] > 0 && n > INT64_MAX / 8 / t->shape[k])
            return tensor_fail(r, t, "has a shape that is too large");
        n *= t->shape[k];
    }
    if (n * t->type.size != t->end - t->begin) {
        char text[160];
        (void)snprintf(text, sizeof text, "has %lld numbers of %d bytes, but data_offsets of %lld bytes", (long long)n,
                       t->type.size, (long long)(t->end - t->begin));
        return tensor_fail(r, t, text);
    }
    return SX_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(tensor *const *)a)->name, (*(tensor *const *)b)->name);
}

static int by_place(const void *a, const void *b) {
    const tensor *x = *(tensor *const *)a, *y = *(tensor *const *)b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

static sx_status check_metadata(const reader *r, const cJSON *node) {
    const cJSON *item;
    bool good = cJSON_IsObject(node);
    cJSON_ArrayForEach(item, node) good = good && cJSON_IsString(item);
    if (!good) return SX_FAIL(r->s->ctx, SX_E_FILE, "%s: __metadata__ must hold texts only", r->s->name);
    return SX_OK;
}

/* All tensors, in the order of the header; names are distinct and the data are covered exactly. */
static sx_status read_tensors(reader *r, const cJSON *root) {
    sx_ctx *ctx = r->s->ctx;
    const cJSON *node;
    int64_t most = 0, metadata = 0, covered = 0;
    cJSON_ArrayForEach(node, root) most++;
    SX_TRY(ctx, sx_alloc(ctx, most, sizeof *r->tensors, &r->tensors));
    SX_TRY(ctx, sx_alloc(ctx, most, sizeof(tensor *), &r->order));
    cJSON_ArrayForEach(node, root) {
        if (strcmp(node->string, "__metadata__") == 0) {
            if (metadata++) return SX_FAIL(ctx, SX_E_FILE, "%s: __metadata__ is there twice", r->s->name);
            SX_TRY(ctx, check_metadata(r, node));
            continue;
        }
        r->order[r->n] = &r->tensors[r->n];
        SX_TRY(ctx, read_tensor(r, node, &r->tensors[r->n]));
        r->n++;
    }
    qsort(r->order, (size_t)r->n, sizeof(tensor *), by_name);
    for (int64_t k = 1; k < r->n; k++)
        if (strcmp(r->order[k - 1]->name, r->order[k]->name) == 0) return tensor_fail(r, r->order[k], "is there twice");
    qsort(r->order, (size_t)r->n, sizeof(tensor *), by_place);
    for (int64_t k = 0; k < r->n; k++) {
        if (r->order[k]->begin != covered)
            return tensor_fail(r, r->order[k],
                               r->order[k]->begin < covered ? "overlaps another" : "leaves a gap before its data");
        covered = r->order[k]->end;
    }
    if (covered != r->payload)
        return SX_FAIL(ctx, SX_E_FILE, "%s: %lld bytes follow the last tensor", r->s->name,
                       (long long)(r->payload - covered));
    return SX_OK;
}

static sx_status choose(const reader *r, const tensor **out) {
    const sx_source *s = r->s;
    const char *name = s->opts->name;
    char quote[SX_QUOTE], names[512] = "";
    int at = 0;
    const tensor *found = NULL;
    if (r->n == 0) return SX_FAIL(s->ctx, SX_E_FILE, "%s: holds no tensor", s->name);
    for (int64_t k = 0; k < r->n; k++) {
        const char *other = r->tensors[k].name;
        if (!name || strcmp(other, name) == 0) found = &r->tensors[k];
        if (k <= 8)
            at += snprintf(names + at, sizeof names - (size_t)at, "%s%s", k > 0 ? ", " : "",
                           k == 8 ? "..." : sx_text_quote(quote, other, (int64_t)strlen(other)));
    }
    if (!name && r->n > 1)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: holds %lld tensors (%s); say which by name", s->name, (long long)r->n,
                       names);
    if (!found)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: holds no tensor '%s'; it holds %s", s->name,
                       sx_text_quote(quote, name, (int64_t)strlen(name)), names);
    *out = found;
    return SX_OK;
}

static sx_status convert(const reader *r, const tensor *t, sx_array *a) {
    const sx_source *s = r->s;
    sx_source inner = *s;
    char quote[SX_QUOTE], *name = NULL;
    if (!t->type.kind)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: tensor '%s' has dtype %s, which is not read; save it as F32", s->name,
                       sx_text_quote(quote, t->name, (int64_t)strlen(t->name)), t->dtype);
    SX_TRY(s->ctx,
           sx_format(s->ctx, &name, "%s[%s]", s->name, sx_text_quote(quote, t->name, (int64_t)strlen(t->name))));
    inner.name = name;
    sx_status status = sx_array_shape(&inner, t->ndim, t->shape, a);
    if (status == SX_OK)
        status = sx_array_convert(&inner, t->type, false, (const unsigned char *)r->text + r->length + t->begin, a);
    sx_free(s->ctx, name);
    SX_TRY(s->ctx, status);
    return SX_OK;
}

/* The header and all tensors; the caller frees root, tensors and order, also on failure. */
static sx_status read_header(reader *r, cJSON **root) {
    const sx_source *s = r->s;
    const char *stop = NULL;
    if (s->n < 10)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: not a safetensors file; %llu bytes are too few", s->name,
                       (unsigned long long)s->n);
    uint64_t length = sx_bytes_load(s->bytes, 8, false);
    if (length > SX_SAFETENSORS_LIMIT)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: a header of %llu bytes; at most %d are read", s->name,
                       (unsigned long long)length, SX_SAFETENSORS_LIMIT);
    if (length > s->n - 8)
        return SX_FAIL(s->ctx, SX_E_FILE, "%s: truncated: a header of %llu bytes expected, %llu found", s->name,
                       (unsigned long long)length, (unsigned long long)s->n - 8);
    r->text = (const char *)s->bytes + 8;
    r->length = (size_t)length;
    r->payload = (int64_t)(s->n - 8 - length);
    if (length < 2 || r->text[0] != '{') return header_fail(r, 0, "the header must begin with {");
    SX_TRY(s->ctx, scan_header(r));
    *root = cJSON_ParseWithLengthOpts(r->text, r->length, &stop, 0);
    if (!*root) return header_fail(r, stop ? (size_t)(stop - r->text) : 0, "not valid JSON");
    for (; stop < r->text + r->length; stop++)
        if (*stop != ' ') return header_fail(r, (size_t)(stop - r->text), "text after the header");
    return read_tensors(r, *root);
}

sx_status sx_safetensors_names(const sx_source *s, sx_names *names) {
    reader r = { .s = s };
    sx_status status = SX_OK;
    cJSON *root = NULL;
    SX_GO(s->ctx, status, done, read_header(&r, &root));
    for (int64_t k = 0; k < r.n; k++) {
        int64_t index;
        bool fresh;
        SX_GO(s->ctx, status, done,
              sx_names_add(s->ctx, names, r.tensors[k].name, (int64_t)strlen(r.tensors[k].name), &index, &fresh));
    }
done:
    cJSON_Delete(root);
    sx_free(s->ctx, r.tensors);
    sx_free(s->ctx, r.order);
    return status;
}

sx_status sx_safetensors_parse(const sx_source *s, sx_array *a) {
    reader r = { .s = s };
    sx_status status = SX_OK;
    cJSON *root = NULL;
    const tensor *t = NULL;
    SX_GO(s->ctx, status, done, read_header(&r, &root));
    SX_GO(s->ctx, status, done, choose(&r, &t));
    SX_GO(s->ctx, status, done, convert(&r, t, a));
done:
    cJSON_Delete(root);
    sx_free(s->ctx, r.tensors);
    sx_free(s->ctx, r.order);
    return status;
}
