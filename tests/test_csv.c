// SPDX-FileCopyrightText: Separatrix authors
// SPDX-License-Identifier: Apache-2.0
/* CSV: the three layouts, separators, quotes, missing values, numbers to the last bit, malformed files, mutations, no memory. */
#include "array_testing.h"
#include "comma_locale.h"

static const sx_read_opts plain = { .header = 0, .missing_error = true };
static const sx_read_opts unknown = { .header = -1, .missing_error = true };
static const sx_read_opts head = { .header = 1, .missing_error = true };
static const sx_read_opts labelled = { .header = 1, .first_column_labels = true, .missing_error = true };
static const sx_read_opts side = { .header = 0, .first_column_labels = true, .missing_error = true };
static const sx_read_opts edges = { .header = 1, .layout = SX_CSV_EDGES, .missing_error = true };
static const sx_read_opts bare_edges = { .header = 0, .layout = SX_CSV_EDGES, .missing_error = true };
static const sx_read_opts tau = {
    .header = -1, .layout = SX_CSV_COLUMN, .column = "tau_ms", .key = "neuron", .missing_error = true
};
static const sx_read_opts column = { .header = -1, .layout = SX_CSV_COLUMN, .missing_error = true };

static const char worm[] =
    "neuron,AVAL,AVAR,\"RIM, L\"\r\nAVAL,0,1.5,-2\r\nAVAR,.5,0,3e2\r\n\"say \"\"hi\"\"\",-1,+4.25,0\r\n";
static const char list[] = "# made by hand\nWeight;SOURCE;note;Target\n2;AVAL;x;AVAR\n0.5;RIML;;AVAL\n-1;AVAR;;AVAL\n";
static const char times[] = "neuron,tau_ms,name\nAVAL,10.5,a\nAVAR,20,\nRIML,5,c\n";

static void parse_ok(sx_ctx *ctx, const char *format, const char *text, const sx_read_opts *opts, sx_array *a) {
    sx_status status = parse_exact(ctx, "w.csv", format, text, strlen(text), opts, a);
    if (status < 0) print_message("%s\n", sx_ctx_message(ctx));
    assert_int_equal(status, SX_OK);
}

static void expect_numbers(const sx_array *a, int64_t rows, int64_t columns, const double *v) {
    assert_int_equal(a->ndim, 2);
    assert_int_equal(a->shape[0], rows);
    assert_int_equal(a->shape[1], columns);
    assert_int_equal(a->n, rows * columns);
    for (int64_t i = 0; i < a->n; i++) assert_true(a->data[i] == v[i]);
}

static void expect_labels(char **got, int n, const char *const *want) {
    assert_non_null(got);
    for (int i = 0; i < n; i++) assert_string_equal(got[i], want[i]);
}

static void test_matrix(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_array a;
    parse_ok(ctx, "csv", worm, &labelled, &a);
    expect_numbers(&a, 3, 3, (double[]){ 0, 1.5, -2, 0.5, 0, 300, -1, 4.25, 0 });
    expect_labels(a.row_labels, 3, (const char *const[]){ "AVAL", "AVAR", "say \"hi\"" });
    expect_labels(a.column_labels, 3, (const char *const[]){ "AVAL", "AVAR", "RIM, L" });
    sx_array_free(ctx, &a);
    static const char *const same[] = {
        "1,2\n3,4\n", "1,2\r\n3,4",         "\357\273\2771,2\n3,4\n",       "1\t2\n3\t4\n",
        "1;2\n3;4\n", " 1 , 2 \n\t3,4\t\n", "# a,b\n\n#c\n1,2\n3,4\n\n \n", "\"1\",\"2\"\n3,4\n"
    };
    for (size_t k = 0; k < sizeof same / sizeof *same; k++) {
        parse_ok(ctx, "csv", same[k], k % 2 ? &unknown : &plain, &a);
        expect_numbers(&a, 2, 2, (double[]){ 1, 2, 3, 4 });
        assert_null(a.row_labels);
        assert_null(a.column_labels);
        sx_array_free(ctx, &a);
    }
    parse_ok(ctx, "txt", "  1   2 \n3 4\n", &unknown, &a);
    expect_numbers(&a, 2, 2, (double[]){ 1, 2, 3, 4 });
    sx_array_free(ctx, &a);
    parse_ok(ctx, "csv", "a,b\n1,2\n", &head, &a);
    expect_numbers(&a, 1, 2, (double[]){ 1, 2 });
    assert_null(a.row_labels);
    expect_labels(a.column_labels, 2, (const char *const[]){ "a", "b" });
    sx_array_free(ctx, &a);
    parse_ok(ctx, "csv", "\xc3\xa4,1\n0,2\n", &side, &a);
    expect_numbers(&a, 2, 1, (double[]){ 1, 2 });
    expect_labels(a.row_labels, 2, (const char *const[]){ "\xc3\xa4", "0" });
    assert_null(a.column_labels);
    sx_array_free(ctx, &a);
    parse_ok(ctx, "csv", "7", &unknown, &a);
    expect_numbers(&a, 1, 1, (double[]){ 7 });
    sx_array_free(ctx, &a);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static void test_missing(void **state) {
    (void)state;
    static const char text[] = "1,,nan\nNA,-NaN,2\n";
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_array a;
    sx_read_opts seven = { .missing = 7 }, none = { .missing = (double)NAN },
                 all = { .allow_nonfinite = true, .missing = 7 };
    parse_ok(ctx, "csv", text, &seven, &a);
    expect_numbers(&a, 2, 3, (double[]){ 1, 7, 7, 7, 7, 2 });
    sx_array_free(ctx, &a);
    parse_ok(ctx, "csv", text, &none, &a);
    assert_true(a.data[0] == 1 && isnan(a.data[1]) && isnan(a.data[2]) && isnan(a.data[3]) && isnan(a.data[4]) &&
                a.data[5] == 2);
    sx_array_free(ctx, &a);
    parse_ok(ctx, "csv", "inf,-Infinity,+INF,nan\n", &all, &a);
    expect_numbers(&a, 1, 4, (double[]){ (double)INFINITY, -(double)INFINITY, (double)INFINITY, 7 });
    sx_array_free(ctx, &a);
    sx_ctx_free(ctx);
}

static void test_edges(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_array a;
    parse_ok(ctx, "csv", list, &edges, &a);
    assert_int_equal(a.ndim, 2);
    assert_int_equal(a.shape[0], 3);
    assert_int_equal(a.shape[1], 3);
    assert_int_equal(a.nnz, 3);
    assert_null(a.data);
    assert_null(a.column_labels);
    expect_labels(a.row_labels, 3, (const char *const[]){ "AVAL", "AVAR", "RIML" });
    static const int64_t target[] = { 1, 0, 0 }, source[] = { 0, 2, 1 };
    static const double weight[] = { 2, 0.5, -1 };
    assert_memory_equal(a.row, target, sizeof target);
    assert_memory_equal(a.column, source, sizeof source);
    assert_memory_equal(a.value, weight, sizeof weight);
    sx_array_free(ctx, &a);
    parse_ok(ctx, "csv", "5,3,1.5,extra\n3,5,2,\n3,3,1,\n", &bare_edges, &a);
    expect_labels(a.row_labels, 2, (const char *const[]){ "5", "3" });
    assert_int_equal(a.nnz, 3);
    assert_true(a.row[0] == 1 && a.column[0] == 0 && a.row[1] == 0 && a.column[1] == 1 && a.row[2] == 1 &&
                a.column[2] == 1);
    sx_array_free(ctx, &a);
    parse_ok(ctx, "csv", "pre,post,w\na,b,1\n", &edges, &a); /* no such names: the first three */
    assert_true(a.nnz == 1 && a.row[0] == 1 && a.column[0] == 0 && a.value[0] == 1);
    sx_array_free(ctx, &a);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static void test_column(void **state) {
    (void)state;
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_array a;
    parse_ok(ctx, "csv", times, &tau, &a);
    assert_true(a.ndim == 1 && a.n == 3 && a.shape[0] == 3);
    assert_true(a.data[0] == 10.5 && a.data[1] == 20 && a.data[2] == 5);
    expect_labels(a.row_labels, 3, (const char *const[]){ "AVAL", "AVAR", "RIML" });
    sx_array_free(ctx, &a);
    sx_read_opts only = tau;
    only.key = NULL;
    parse_ok(ctx, "csv", times, &only, &a);
    assert_true(a.n == 3 && a.data[2] == 5 && !a.row_labels);
    sx_array_free(ctx, &a);
    parse_ok(ctx, "csv", "1\n2\n", &column, &a);
    assert_true(a.ndim == 1 && a.n == 2 && a.data[1] == 2);
    sx_array_free(ctx, &a);
    only = column;
    only.first_column_labels = true;
    parse_ok(ctx, "csv", "a,1\nb,2\n", &only, &a);
    assert_true(a.n == 2 && a.data[1] == 2);
    expect_labels(a.row_labels, 2, (const char *const[]){ "a", "b" });
    sx_array_free(ctx, &a);
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

static void test_files(void **state) {
    (void)state;
    static const char *const files[] = { "savetxt.txt", "savetxt.csv.gz" };
    sx_ctx *ctx = sx_ctx_create(NULL);
    for (int k = 0; k < 2; k++) {
        sx_array a;
        assert_int_equal(sx_array_read(ctx, data_path(files[k]), NULL, &a), SX_OK);
        assert_true(a.ndim == 2 && a.shape[0] == 3 && a.shape[1] == 4);
        for (int64_t i = 0; i < 12; i++) assert_true(a.data[i] == (double)(5 * i % 23) - 10.5);
        sx_array_free(ctx, &a);
    }
    assert_int_equal(sx_ctx_bytes(ctx), 0);
    sx_ctx_free(ctx);
}

/* Correct rounding. Values are CPython's float() (David Gay's algorithm) as printed by float.hex(). */
static void test_rounding(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value;
    } hard[] = {
        { "0.1", 0x1.999999999999ap-4 },
        { "9007199254740993", 0x1.0000000000000p+53 },
        { "9007199254740993.0000000000000000000000001", 0x1.0000000000001p+53 },
        { "9007199254740992e22", 0x1.0f0cf064dd592p+126 },
        { "1e23", 0x1.52d02c7e14af6p+76 },
        { "8.5e22", 0x1.1ffdbf6b2b2ebp+76 },
        { "123456789012345678901234567890", 0x1.8ee90ff6c373ep+96 },
        { "2.2250738585072011e-308", 0x0.fffffffffffffp-1022 },
        { "2.2250738585072014e-308", 0x1p-1022 },
        { "1.7976931348623157e308", 0x1.fffffffffffffp+1023 },
        { "1.7976931348623158079e308", 0x1.fffffffffffffp+1023 },
        { "4.9e-324", 0x1p-1074 },
        { "2.4703282292062327e-324", 0 },
        { "2.4703282292062328e-324", 0x1p-1074 },
        { "6.2230152778611417e-61", 0x1.0000000000000p-200 },
        { "1e-400", 0 },
        { "-0", -0.0 },
        { "0e99999", 0 },
        { "3.", 3 },
        { "+.5E+1", 5 },
        { "0.000000000000000000000000000000000000000000000001e48", 1 },
        { "1e-22", 0x1.e392010175ee6p-74 },
        { "900719925474099267e-2", 0x1p+53 },
    };
    /* a host program with a decimal comma must not matter */
    sx_ctx *ctx = sx_ctx_create(NULL);
    for (int comma = 0; comma < 2; comma++) {
        if (comma && !comma_locale_begin()) continue;
        for (size_t k = 0; k < sizeof hard / sizeof *hard; k++) {
            sx_array a;
            parse_ok(ctx, "csv", hard[k].text, &plain, &a);
            if (memcmp(&a.data[0], &hard[k].value, sizeof(double)) != 0)
                print_message("%s: %a\n", hard[k].text, a.data[0]);
            assert_memory_equal(&a.data[0], &hard[k].value, sizeof(double));
            sx_array_free(ctx, &a);
        }
    }
    comma_locale_end();
    sx_ctx_free(ctx);
}

static void test_refused(void **state) {
    (void)state;
    sx_read_opts by_text = tau, no_column = tau, no_key = tau, twice = tau, equal = tau, tight = { .max_bytes = 31 };
    by_text.column = "name";
    no_column.column = "tau";
    no_key.key = "nevron";
    twice.column = "a";
    twice.key = NULL;
    equal.key = "tau_ms";
    const struct {
        const char *text;
        const sx_read_opts *opts;
        const char *message;
    } bad[] = {
        { "AVAL,AVAR\n1,2\n", &unknown,
          "worm.csv:1:1: 'AVAL' is not a number; this looks like a header line: write header = true" },
        { "AVAL,1,2\nAVAR,1,2\n", &unknown,
          "worm.csv:1:1: 'AVAL' is not a number; for row labels write labels = \"first-column\"" },
        { "1,2\nAVAR,2\n", &plain,
          "worm.csv:2:1: 'AVAR' is not a number; for row labels write labels = \"first-column\"" },
        { "1,2\n3,x4\n", &plain, "worm.csv:2:3: 'x4' is not a number" },
        { "1, 2 ,\xc3\xa4\xc3\xb6\n", &plain,
          "worm.csv:1:7: '\xc3\xa4\xc3\xb6' is not a number; this looks like a header line: write header = true" },
        { "\xc3\xa4,b\n1,2x\n", &head, "worm.csv:2:3: '2x' is not a number" },
        { "\xc3\xa4,1,z\n", &side,
          "worm.csv:1:5: 'z' is not a number; this looks like a header line: write header = true" },
        { "1,2\n3\n", &plain, "worm.csv:2:1: 1 fields, but line 1 has 2; every line must have as many" },
        { "# c\r\n1,2\r\n3,4,5\r\n", &plain, "worm.csv:3:1: 3 fields, but line 2 has 2; every line must have as many" },
        { "a,b\nx,1,2\n", &labelled,
          "worm.csv:2:1: 3 fields, but the header in line 1 has 2; a column of labels needs a header field too (it may "
          "be empty)" },
        { "1,2\n\n3,4\n", &plain, "worm.csv:2:1: an empty line inside the table; remove it" },
        { "1,\n", &plain, "worm.csv:1:3: missing value in row 1, column 2; fill it in or write missing = NUMBER" },
        { "n,a,b\nx,1,2\ny,1, \n", &labelled,
          "worm.csv:3:6: missing value in row 2 ('y'), column 2 ('b'); fill it in or write missing = NUMBER" },
        { "n,a\nx,nan\n", &labelled,
          "worm.csv:2:3: missing value in row 1 ('x'), column 1 ('a'); fill it in or write missing = NUMBER" },
        { "n,a\nx,-inf\n", &labelled,
          "worm.csv:2:3: '-inf' in row 1 ('x'), column 1 ('a'); only finite numbers are read" },
        { "1,1e309\n", &plain, "worm.csv:1:3: '1e309' in row 1, column 2 is too large for a 64-bit float" },
        { "1;2\n3;1,5\n", &plain, "worm.csv:2:3: '1,5' has a decimal comma; write 1.5" },
        { "1\t-0,5e3\n", &plain, "worm.csv:1:3: '-0,5e3' has a decimal comma; write -0.5e3" },
        { "1,\"1,5\"\n", &plain, "worm.csv:1:3: '1,5' has a decimal comma; write 1.5" },
        { "n,a,b\nx,1,2\nx,3,4\n", &labelled, "worm.csv:3:1: the row label 'x' is there twice; labels must be unique" },
        { "a,b,a\n1,2,3\n", &head, "worm.csv:1:5: the column label 'a' is there twice; labels must be unique" },
        { "n,a,\nx,1,2\n", &labelled, "worm.csv:1:5: the column label is empty" },
        { "n,a\n,1\n", &labelled, "worm.csv:2:1: the row label is empty" },
        { "n\nx\n", &labelled, "worm.csv:1:1: there are no columns beside the labels" },
        { "a,b\n", &head, "worm.csv:1:1: a header line without data below it" },
        { "# a,b\n1.5,2\n3,4\n", &head,
          "worm.csv:2:1: header = true, but this line holds only numbers; a header must not begin with #" },
        { "", &plain, "worm.csv: holds no table" },
        { "\n\n# only comments\n", &plain, "worm.csv: holds no table" },
        { "1,\"2\n3,4\n", &plain, "worm.csv:1:3: the closing quote is missing in this line" },
        { "1,\"2\"3\n", &plain, "worm.csv:1:6: text after a closing quote; a quote inside a field is written \"\"" },
        { "1,2\"\n", &plain, "worm.csv:1:4: a quote inside a field; quote the whole field and write it as \"\"" },
        { "1,2\r3,4\r", &plain, "worm.csv:1:4: a carriage return without line feed; end lines with LF or CR LF" },
        { "1,2\n3,\x01\n", &plain, "worm.csv:2:3: control character 0x01; this is not a text file" },
        { "1,2\n\xc3\xa4,\xe4\n", &plain, "worm.csv:2:3: byte 0xe4 is not UTF-8; save the file as UTF-8" },
        { "\xff\xfe"
          "1",
          &plain, "worm.csv: UTF-16 text is not read; save it as UTF-8" },
        { "PK\3\4xx", &plain, "worm.csv: a zip archive or spreadsheet, not text; export it as CSV" },
        { "\x1f\x8b\x08", &plain, "worm.csv: gzip-compressed; unpack it or, for CSV, name it .csv.gz" },
        { "1,2\n3,4\n", &tight, "worm.csv: shape (2, 2) needs 32 bytes, the limit is 31 bytes" },
        { "0x10\n", &plain,
          "worm.csv:1:1: '0x10' is not a number; this looks like a header line: write header = true" },
        { "1\n1e\n", &plain, "worm.csv:2:1: '1e' is not a number" },
        { "1\n1e+\n", &plain, "worm.csv:2:1: '1e+' is not a number" },
        { "1\n1_000\n", &plain, "worm.csv:2:1: '1_000' is not a number" },
        { "1\n.\n", &plain, "worm.csv:2:1: '.' is not a number" },
        { "1\n1.2.3\n", &plain, "worm.csv:2:1: '1.2.3' is not a number" },
        { "1\nabcdefghijklmnopqrstuvwxyz0123456789abc\xc3\xa4xyz\n", &plain,
          "worm.csv:2:1: 'abcdefghijklmnopqrstuvwxyz0123456789a...' is not a number" },
        { "source,target,weight\na,b,1\nb,a,2\na,b,3\n", &edges,
          "worm.csv:4:1: the edge from 'a' to 'b' is already in line 2; give each edge once" },
        { "source,target,w\na,b,1\n", &edges,
          "worm.csv:1:1: the header has no column 'weight'; edges need source, target and weight" },
        { "source,target,weight,Source\na,b,1,c\n", &edges,
          "worm.csv:1:1: the header has more than one column 'source'" },
        { "a,b\n1,2\n", &edges, "worm.csv:1:1: 2 fields; edges need the columns source, target and weight" },
        { "source,target,weight\na,,1\n", &edges, "worm.csv:2:3: the name of the target is empty" },
        { "source,target,weight\na,b,x\n", &edges, "worm.csv:2:5: 'x' is not a number" },
        { "source,target,weight\na,b,\n", &edges,
          "worm.csv:2:5: missing value in row 1, column 3; fill it in or write missing = NUMBER" },
        { "source,target,weight\na,b,1\n", &bare_edges,
          "worm.csv:1:15: 'weight' is not a number; this looks like a header line: write header = true" },
        { times, &by_text, "worm.csv:2:11: 'a' is not a number" },
        { times, &no_column, "worm.csv:1:1: the header has no column 'tau'; it has neuron, tau_ms, name" },
        { times, &no_key, "worm.csv:1:1: the header has no column 'nevron'; it has neuron, tau_ms, name" },
        { times, &equal, "worm.csv:1:1: the values and their labels are the same column" },
        { times, &column, "worm.csv:1:1: 3 columns; say which holds the values: column = NAME" },
        { "a,a\n1,2\n", &twice, "worm.csv:1:1: the header has more than one column 'a'" },
        { "tau_ms,neuron\n1,x\n2,x\n", &tau, "worm.csv:3:3: the row label 'x' is there twice; labels must be unique" },
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        expect_refused("worm.csv", "csv", bad[k].text, strlen(bad[k].text), bad[k].opts, bad[k].message);
    sx_read_opts strange = { .layout = 7 }, headless = tau;
    headless.header = 0;
    expect_refused_as(SX_E_USAGE, "w.csv", "csv", "1", 1, &strange,
                      "w.csv: layout 7 is not known; matrix, edges and column are");
    expect_refused_as(SX_E_USAGE, "w.csv", "csv", times, sizeof times - 1, &headless,
                      "w.csv: column and key are names from the header line: write header = true");
}

/* The limits of lines, fields and numbers. */
static void test_limits(void **state) {
    (void)state;
    size_t n = (1 << 20) + 8;
    char *b = malloc(n);
    assert_non_null(b);
    memset(b, '1', n);
    expect_refused("w.csv", "csv", b, n, &plain, "w.csv:1:1: a line of 1048584 bytes; at most 1048576 are read");
    expect_refused("w.csv", "csv", b, 1024, &plain, "w.csv:1:1: a number of 1024 characters; at most 1023 are read");
    memset(b, ',', n);
    expect_refused("w.csv", "csv", b, 1 << 20, &plain, "w.csv:1:1000001: more than 1000000 fields in a line");
    free(b);
}

static void test_gzip(void **state) {
    (void)state;
    size_t n;
    unsigned char *b = load_file("savetxt.csv.gz", &n), *two = malloc(2 * n);
    assert_non_null(two);
    sx_ctx *ctx = sx_ctx_create(NULL);
    sx_array a;
    memcpy(two, b, n);
    memcpy(two + n, b, n);
    assert_int_equal(parse_exact(ctx, "w.csv.gz", "csv.gz", two, 2 * n, &plain, &a), SX_OK); /* two members */
    assert_true(a.shape[0] == 6 && a.shape[1] == 4 && a.data[23] == (double)(5 * 11 % 23) - 10.5);
    sx_array_free(ctx, &a);
    sx_ctx_free(ctx);
    char message[128];
    snprintf(message, sizeof message, "w.csv.gz: the gzip data are damaged or truncated near byte %d", (int)n - 1);
    expect_refused("w.csv.gz", "csv.gz", b, n - 1, &plain, message);
    snprintf(message, sizeof message, "w.csv.gz: the gzip data are damaged or truncated near byte %d", (int)n - 4);
    b[n - 5] ^= 1; /* last byte of the CRC */
    expect_refused("w.csv.gz", "csv.gz", b, n, &plain, message);
    expect_refused("w.csv.gz", "csv.gz", "1,2\n3,4\n and more bytes", 23, &plain,
                   "w.csv.gz: not a gzip file; its first bytes must be 1f 8b");
    sx_read_opts tight = { .max_bytes = 16 };
    expect_refused("w.csv.gz", "csv.gz", two, n, &tight, "w.csv.gz: expands to more than the limit of 64 bytes");
    free(two);
    free(b);
}

static void test_mutations(void **state) {
    (void)state;
    sx_read_opts missing = labelled, free_edges = edges;
    missing.missing_error = false;
    free_edges.allow_nonfinite = true;
    const sample s[] = {
        { worm, sizeof worm - 1, labelled },   { list, sizeof list - 1, edges },
        { times, sizeof times - 1, tau },      { worm, sizeof worm - 1, missing },
        { list, sizeof list - 1, free_edges }, { "5,3,1.5\n3,5,2\n", 14, bare_edges },
        { "1;2.5\n3;-4e1\n", 13, unknown },    { "1\t2\n3\t4\n", 8, plain },
    };
    expect_survives("csv", s, sizeof s / sizeof *s, 2);
    expect_survives("txt", s, sizeof s / sizeof *s, 3);
    sample gz[1] = { { .opts = unknown } };
    gz[0].bytes = load_file("savetxt.csv.gz", &gz[0].n);
    expect_survives("csv.gz", gz, 1, 4);
    free((void *)(uintptr_t)gz[0].bytes);
}

static void test_no_memory(void **state) {
    (void)state;
    const sample s[] = { { worm, sizeof worm - 1, labelled },
                         { list, sizeof list - 1, edges },
                         { times, sizeof times - 1, tau } };
    for (int k = 0; k < 3; k++) expect_memory_safe("csv", &s[k]);
    sample gz = { .opts = unknown };
    gz.bytes = load_file("savetxt.csv.gz", &gz.n);
    expect_memory_safe("csv.gz", &gz);
    free((void *)(uintptr_t)gz.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),    cmocka_unit_test(test_missing),   cmocka_unit_test(test_edges),
        cmocka_unit_test(test_column),    cmocka_unit_test(test_files),     cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_limits),    cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_mutations), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
