#include "asl/definition/label.h"

#include "asl/base/buf.h"
#include "asl/base/limits.h"
#include "asl/base/mem.h"

#include <stdbool.h>
#include <string.h>

/*
 * Quotes a text as Python's repr() does: in single quotes, or in double quotes where it holds single ones and no
 * double ones; the quote, the backslash and controls escaped. `text` is UTF-8; other characters stand as they are.
 */
static void add_quoted(struct buf *out, const char *text, size_t bytes)
{
    char quote = memchr(text, '\'', bytes) && !memchr(text, '"', bytes) ? '"' : '\'';
    buf_add_char(out, quote);
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == (unsigned char)quote || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\t' || c == '\n' || c == '\r')
            buf_printf(out, "\\%c", c == '\t' ? 't' : c == '\n' ? 'n' : 'r');
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else if (c == 0xc2 && i + 1 < bytes && (unsigned char)text[i + 1] < 0xa0) /* U+0080 to U+009F */
            buf_printf(out, "\\x%02x", (unsigned char)text[++i]);
        else
            buf_add_char(out, text[i]);
    }
    buf_add_char(out, quote);
}

/* The bytes of the character if it may not stand in a label, else 0. A label stands in ARNs, hence also no `/`. */
static size_t forbidden(const unsigned char *at)
{
    if (*at <= 0x20 || *at == 0x7f || strchr("?*<>{}[]:;,\\|^~$#%&`\"/", *at))
        return 1;
    return *at == 0xc2 && at[1] < 0xa0 ? 2 : 0; /* U+0080 to U+009F */
}

char *label_fault(const char *label, size_t bytes)
{
    size_t chars = 0;
    for (size_t i = 0; i < bytes; i++)
        chars += ((unsigned char)label[i] & 0xc0) != 0x80;
    if (chars == 0)
        return mem_strdup("Label cannot be empty");
    if (chars > LIMIT_LABEL_CHARS)
        return mem_printf("Label cannot exceed %d characters", LIMIT_LABEL_CHARS);
    for (size_t i = 0; i < bytes; i++) {
        size_t length = forbidden((const unsigned char *)label + i);
        if (length == 0)
            continue;
        struct buf out = BUF_INIT;
        buf_add_text(&out, "Label contains invalid character: ");
        add_quoted(&out, label + i, length);
        return buf_take(&out);
    }
    return NULL;
}

char *label_exception(const char *fault)
{
    struct buf out = BUF_INIT;
    buf_add_text(&out, "Error=ValueError Args=[");
    add_quoted(&out, fault, strlen(fault));
    buf_add_char(&out, ']');
    return buf_take(&out);
}
