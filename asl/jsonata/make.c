/* make.c - text to code, for jsonata_compile() and $eval. */
#include "asl/base/buf.h"
#include "asl/base/err.h"
#include "asl/base/json.h"
#include "asl/base/mem.h"
#include "asl/jsonata/code.h"
#include "asl/jsonata/eval.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

enum { MAKE_STACK_BYTES_MAX = 1024 * 1024 };

void make_check_stack(struct maker *m)
{
    char *here = __builtin_frame_address(0);
    ptrdiff_t used = m->stack_base - here;
    if (used <= MAKE_STACK_BYTES_MAX)
        return;
    bool states = m->dialect == JSONATA_STATES;
    strcpy(m->error->code, states ? "" : "U1001");
    m->error->position = -1;
    m->error->message = mem_strdup("Stack overflow error: Check for non-terminating recursive function. Consider "
                                   "rewriting as tail-recursive");
    longjmp(m->failed, 1);
}

static void add_quoted(struct buf *out, const char *text, bool raw)
{
    if (raw)
        buf_add_text(out, text);
    else
        json_write_string(out, text, strlen(text));
}

_Noreturn void make_fail(struct maker *m, const char *code, int position, const char *token, const char *value)
{
    struct buf out = BUF_INIT;
    const char *text = error_template(code);
    for (; *text; text++) {
        if (strncmp(text, "{{token}}", 9) == 0) {
            add_quoted(&out, token ? token : "", m->raw_token || token == NULL);
            text += 8;
        } else if (strncmp(text, "{{{value}}}", 11) == 0) {
            buf_add_text(&out, value);
            text += 10;
        } else if (strncmp(text, "{{value}}", 9) == 0) {
            add_quoted(&out, value ? value : "", m->raw_value || value == NULL);
            text += 8;
        } else {
            buf_add_char(&out, *text);
        }
    }
    strcpy(m->error->code, code);
    m->error->position = position;
    m->error->token = mem_strdup(token);
    m->error->message = buf_take(&out);
    if (value) {
        m->error->details = json_object_new_object();
        json_add_text(m->error->details, "value", value);
    }
    longjmp(m->failed, 1);
}

int make(struct jsonata *expression, const char *text, size_t bytes, const struct scope *outer,
         struct compiled *ret_compiled, struct jsonata_error *error)
{
    struct maker m = {
        .arena = expression->arena,
        .dialect = expression->dialect,
        .text = text,
        .bytes = bytes,
        .stack_base = __builtin_frame_address(0),
        .names = expression->names,
        .name_count = expression->name_count,
        .label_count = expression->label_count,
        .error = error,
    };
    if (setjmp(m.failed)) {
        if (m.hasher)
            lh_table_free(m.hasher);
        return ERR_INVALID;
    }
    const struct node *tree = resolve(&m, parse(&m));
    expression->tree = tree;
    *ret_compiled = compile(&m, expression, tree, outer);
    expression->names = m.names;
    expression->name_count = m.name_count;
    expression->label_count = m.label_count;
    lh_table_free(m.hasher);
    return 0;
}
