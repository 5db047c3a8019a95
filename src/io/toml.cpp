// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
// The only C++ file: toml++ reads the text, we copy its tree into plain C nodes (toml_tree.h). toml++ iterates tables
// alphabetically; the copy is ordered by the place of the keys in the text. No exception leaves this file.
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY                1
#define TOML_SHARED_LIB                 0
#define TOML_EXCEPTIONS                 1 /* parse errors and bad_alloc alike are caught below */
#define TOML_MAX_NESTED_VALUES          32
#define TOML_ENABLE_UNRELEASED_FEATURES 0

/* toml++ 3.3 states facts about its input by assertions that some texts break ("[=]"), and in a release build even tells the optimiser
 * so. Here every assertion is checked in every build and throws. */
namespace {
struct sx_toml_assertion {};
[[noreturn]] void sx_toml_assert_failed() {
    throw sx_toml_assertion();
}
} // namespace
#undef NDEBUG
#define TOML_ASSERT(expr) ((expr) ? static_cast<void>(0) : sx_toml_assert_failed())

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wdouble-promotion"
#endif
#include <toml++/toml.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include "io/toml_tree.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <sstream>
#include <vector>

static_assert(SX_TOML_MAX_DEPTH == TOML_MAX_NESTED_VALUES, "one limit");

namespace {

struct builder {
    sx_ctx *ctx;
    sx_toml *doc;
    const char *cause;

    sx_status fail(sx_status status, const toml::source_position &at, const char *message) {
        if (cause) return SX_FAIL(ctx, status, "%s: %s", cause, message);
        return SX_FAIL(ctx, status, "%s:%d:%d: %s", doc->name, static_cast<int>(at.line), static_cast<int>(at.column),
                       message);
    }

    sx_status text(const std::string &s, const toml::source_position &at, const char **out) {
        if (s.size() > SX_TOML_MAX_STRING) return fail(SX_E_USAGE, at, "a string is longer than 64 KB");
        if (s.find('\0') != std::string::npos)
            return fail(SX_E_USAGE, at, "a string holds the character NUL (\\u0000)");
        return sx_toml_take_text(ctx, doc, s.data(), s.size(), out);
    }

    sx_status room(sx_toml_node *dst, size_t n) {
        SX_TRY(ctx, sx_toml_take(ctx, doc, n, sizeof(sx_toml_node *), &dst->child));
        dst->space = static_cast<int64_t>(n);
        return SX_OK;
    }

    sx_status child(sx_toml_node *dst, const toml::node &src, const toml::key *key, int depth) {
        sx_toml_node *node = nullptr;
        SX_TRY(ctx, sx_toml_take(ctx, doc, 1, sizeof *node, &node));
        if (key) {
            if (++doc->n_keys > SX_TOML_MAX_KEYS) return fail(SX_E_USAGE, key->source().begin, "more than 100000 keys");
            SX_TRY(ctx, text(std::string(key->str()), key->source().begin, &node->key));
            if (!cause) {
                node->key_line = static_cast<int>(key->source().begin.line);
                node->key_column = static_cast<int>(key->source().begin.column);
            }
        }
        SX_TRY(ctx, fill(node, src, depth));
        dst->child[dst->count++] = node;
        return SX_OK;
    }

    sx_status fill(sx_toml_node *dst, const toml::node &src, int depth) {
        const toml::source_position at = src.source().begin;
        if (depth > SX_TOML_MAX_DEPTH) return fail(SX_E_USAGE, at, "tables and arrays nest more than 32 deep");
        dst->doc = doc;
        dst->cause = cause;
        if (!cause) {
            dst->line = static_cast<int>(at.line);
            dst->column = static_cast<int>(at.column);
        }
        if (const toml::table *table = src.as_table()) {
            dst->type = SX_TOML_TABLE;
            dst->inlined = table->is_inline();
            using entry = std::pair<const toml::key *, const toml::node *>;
            std::vector<entry> entries;
            for (auto it = table->cbegin(); it != table->cend(); ++it) entries.emplace_back(&it->first, &it->second);
            std::stable_sort(entries.begin(), entries.end(), [](const entry &a, const entry &b) {
                const toml::source_position p = a.first->source().begin, q = b.first->source().begin;
                return p.line != q.line ? p.line < q.line : p.column < q.column;
            });
            SX_TRY(ctx, room(dst, entries.size()));
            for (const entry &e : entries) SX_TRY(ctx, child(dst, *e.second, e.first, depth + 1));
        } else if (const toml::array *array = src.as_array()) {
            dst->type = SX_TOML_ARRAY;
            dst->inlined = !array->is_array_of_tables() || array->get(0)->as_table()->is_inline();
            SX_TRY(ctx, room(dst, array->size()));
            for (size_t i = 0; i < array->size(); i++) SX_TRY(ctx, child(dst, *array->get(i), nullptr, depth + 1));
        } else if (const auto *s = src.as_string()) {
            dst->type = SX_TOML_STRING;
            SX_TRY(ctx, text(s->get(), at, &dst->text));
            dst->length = s->get().size();
        } else if (const auto *i = src.as_integer()) {
            dst->type = SX_TOML_INTEGER;
            dst->integer = i->get();
        } else if (const auto *f = src.as_floating_point()) {
            dst->type = SX_TOML_FLOAT;
            dst->number = f->get();
        } else if (const auto *b = src.as_boolean()) {
            dst->type = SX_TOML_BOOL;
            dst->boolean = b->get();
        } else {
            std::ostringstream date;
            date.imbue(std::locale::classic());
            if (const auto *d = src.as_date())
                date << d->get();
            else if (const auto *c = src.as_time())
                date << c->get();
            else if (const auto *dt = src.as_date_time())
                date << dt->get();
            dst->type = SX_TOML_DATE;
            const std::string written = date.str();
            SX_TRY(ctx, text(written, at, &dst->text));
            dst->length = written.size();
        }
        return SX_OK;
    }
};

} // namespace

extern "C" sx_status sx_toml_build(sx_ctx *ctx, sx_toml *t, const char *text, size_t n, const char *cause,
                                   sx_toml_node **out) {
    builder b{ ctx, t, cause };
    try {
        const toml::table parsed = toml::parse(std::string_view(text, n));
        sx_toml_node *root = nullptr;
        SX_TRY(ctx, sx_toml_take(ctx, t, 1, sizeof *root, &root));
        SX_TRY(ctx, b.fill(root, parsed, 0));
        root->inlined = false;
        *out = root;
        return SX_OK;
    } catch (const toml::parse_error &e) {
        const std::string_view d = e.description();
        try {
            return b.fail(SX_E_USAGE, e.source().begin, std::string(d).c_str());
        } catch (...) {
            return b.fail(SX_E_USAGE, e.source().begin, "not valid TOML");
        }
    } catch (const sx_toml_assertion &) {
        return SX_FAIL(ctx, SX_E_USAGE, "%s: not valid TOML", cause ? cause : t->name);
    } catch (const std::bad_alloc &) {
        return SX_FAIL(ctx, SX_E_MEMORY, "%s: out of memory reading TOML", t->name);
    } catch (...) {
        return SX_FAIL(ctx, SX_E_INTERNAL, "%s: the TOML parser failed", t->name);
    }
}

extern "C" void sx_toml_float_text(double value, char text[40]) {
    if (std::isnan(value)) {
        std::strcpy(text, "nan");
        return;
    }
    if (std::isinf(value)) {
        std::strcpy(text, value > 0 ? "inf" : "-inf");
        return;
    }
    char *end = std::to_chars(text, text + 36, value).ptr;
    *end = '\0';
    if (!std::strpbrk(text, ".e")) std::strcpy(end, ".0"); // a TOML float has a point or an exponent
}
