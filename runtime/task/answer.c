#include "config.h"

#include "runtime/task/answer.h"

#include <string.h>

struct reader {
    const char *at;
    const char *end;
};

static void skip_space(struct reader *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\r'))
        in->at++;
}

static bool take(struct reader *in, char c)
{
    skip_space(in);
    if (in->at == in->end || *in->at != c)
        return false;
    in->at++;
    return true;
}

/* At the opening quote; ends behind the closing one. */
static bool skip_string(struct reader *in)
{
    for (const char *at = in->at + 1; at < in->end; at++) {
        if (*at == '\\') {
            at++; /* the escaped byte */
        } else if (*at == '"') {
            in->at = at + 1;
            return true;
        }
    }
    return false;
}

/* Objects and arrays end with the bracket that closes them, everything else before the next comma or bracket. */
static bool skip_value(struct reader *in, struct slice *ret_value)
{
    skip_space(in);
    const char *start = in->at;
    size_t depth = 0;
    while (in->at < in->end) {
        char c = *in->at;
        if (c == '"') {
            if (!skip_string(in))
                return false;
        } else if (c == '{' || c == '[') {
            depth++;
            in->at++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                break;
            depth--;
            in->at++;
        } else if (c == ',' && depth == 0) {
            break;
        } else {
            in->at++;
        }
    }
    const char *end = in->at;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    *ret_value = (struct slice){start, (size_t)(end - start)};
    return depth == 0 && end > start;
}

static bool named(struct slice name, const char *text)
{
    return name.bytes == strlen(text) && memcmp(name.text, text, name.bytes) == 0;
}

static struct slice unquoted(struct slice text)
{
    if (text.bytes >= 2 && text.text[0] == '"')
        return (struct slice){text.text + 1, text.bytes - 2};
    return text;
}

static bool read_member(struct reader *in, struct answer *answer)
{
    struct slice value;
    skip_space(in);
    const char *start = in->at;
    if (start == in->end || *start != '"' || !skip_string(in))
        return false;
    struct slice name = {start + 1, (size_t)(in->at - start - 2)};
    if (!take(in, ':') || !skip_value(in, &value))
        return false;
    if (named(name, "id"))
        answer->id = unquoted(value);
    else if (named(name, "result"))
        answer->result = value;
    else if (named(name, "error"))
        answer->error = value;
    return true;
}

bool answer_parse(const char *line, size_t bytes, struct answer *ret_answer)
{
    struct reader in = {line, line + bytes};
    *ret_answer = (struct answer){0};
    if (!take(&in, '{'))
        return false;
    do
        if (!read_member(&in, ret_answer))
            return false;
    while (take(&in, ','));
    if (!take(&in, '}'))
        return false;
    skip_space(&in);
    return in.at == in.end && ret_answer->id.bytes > 0;
}
