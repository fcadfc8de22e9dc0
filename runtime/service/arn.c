#include "runtime/service/arn.h"

#include <string.h>

#include "asl/base/err.h"

static const char *const kind_names[] = {"stateMachine", "execution", "express", "activity", "mapRun"};

const char *arn_kind_name(enum arn_kind kind)
{
    return kind_names[kind];
}

/* Cuts the part before the next colon off; NULL where nothing is left. */
static char *next_part(char **rest)
{
    char *part = *rest;
    if (part == NULL)
        return NULL;
    char *colon = strchr(part, ':');
    if (colon)
        *colon = '\0';
    *rest = colon ? colon + 1 : NULL;
    return part;
}

/* "MACHINE/LABEL" */
static void split_label(struct arn *arn, char *part)
{
    arn->machine = part;
    char *slash = part ? strchr(part, '/') : NULL;
    if (slash) {
        *slash = '\0';
        arn->label = slash + 1;
    }
}

/* Everything after the type; false where parts are missing, empty or too many. */
static bool parse_resource(struct arn *arn, char *rest)
{
    char *first = next_part(&rest);
    const char *second = next_part(&rest);
    const char *third = next_part(&rest);
    if (rest || first == NULL || *first == '\0' || (second && *second == '\0') || (third && *third == '\0'))
        return false;
    switch (arn->kind) {
    case ARN_MACHINE:
        split_label(arn, first);
        arn->qualifier = second;
        return third == NULL;
    case ARN_EXECUTION:
        split_label(arn, first);
        arn->name = second;
        return second && third == NULL;
    case ARN_EXPRESS:
        split_label(arn, first);
        arn->name = second;
        arn->uuid = third;
        return second && third;
    case ARN_ACTIVITY:
        arn->name = first;
        return second == NULL;
    case ARN_MAP_RUN:
        split_label(arn, first);
        arn->uuid = second;
        return second && third == NULL;
    }
    return false;
}

int arn_parse(const char *text, struct arn *ret_arn, struct err *err)
{
    size_t bytes = strlen(text);
    memset(ret_arn, 0, offsetof(struct arn, text));
    if (bytes >= sizeof ret_arn->text)
        return err_set(err, ERR_INVALID, "Invalid ARN length");
    memcpy(ret_arn->text, text, bytes + 1);

    char *rest = ret_arn->text;
    const char *prefix = next_part(&rest);
    if (strcmp(prefix, "arn") != 0 || rest == NULL)
        return err_set(err, ERR_INVALID, "Invalid ARN prefix: %.300s", text);
    ret_arn->partition = next_part(&rest);
    const char *service = next_part(&rest);
    ret_arn->region = next_part(&rest);
    ret_arn->account = next_part(&rest);
    const char *type = next_part(&rest);
    if (service && strcmp(service, "states") != 0)
        return err_set(err, ERR_INVALID, "Invalid ARN service: %.300s", text);
    if (type == NULL)
        return err_set(err, ERR_INVALID, "Invalid ARN: %.300s", text);

    char *test_case = rest ? strchr(rest, '#') : NULL;
    if (test_case) {
        *test_case = '\0';
        ret_arn->test_case = test_case + 1;
    }
    for (size_t i = 0; i < sizeof kind_names / sizeof kind_names[0]; i++) {
        if (strcmp(type, kind_names[i]) != 0)
            continue;
        ret_arn->kind = (enum arn_kind)i;
        if (test_case && ret_arn->kind != ARN_MACHINE)
            break;
        if (parse_resource(ret_arn, rest))
            return 0;
        break;
    }
    return err_set(err, ERR_INVALID, "Invalid ARN: %.300s", text);
}

bool arn_is_version(const char *qualifier)
{
    return qualifier && *qualifier && strspn(qualifier, "0123456789") == strlen(qualifier);
}

/* Refused code points of two and more bytes: U+0080-9F, U+FFFE, U+FFFF, surrogates, U+10FFFF, and blanks. */
static bool wide_refused(unsigned code)
{
    return (code >= 0x80 && code <= 0x9F) || (code >= 0xD800 && code <= 0xDFFF) || code == 0xFFFE || code == 0xFFFF ||
           code == 0x10FFFF || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

bool arn_name_valid(const char *name, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        unsigned char c = (unsigned char)name[i];
        if (c < 0x80) {
            if (c <= 0x20 || c == 0x7F || strchr("<>{}[]?*\"#%\\^|~`$&,;:/", c))
                return false;
            i++;
            continue;
        }
        int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
        unsigned code = c & (0x3FU >> more);
        for (i++; more > 0 && i < bytes; more--, i++)
            code = code << 6 | ((unsigned char)name[i] & 0x3F);
        if (wide_refused(code))
            return false;
    }
    return bytes > 0;
}
