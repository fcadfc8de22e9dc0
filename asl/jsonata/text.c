#include "asl/jsonata/text.h"

size_t utf8_count(const char *text, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

size_t utf8_offset(const char *text, size_t bytes, size_t n)
{
    size_t at = 0;
    while (at < bytes && n > 0) {
        at++;
        while (at < bytes && ((unsigned char)text[at] & 0xC0) == 0x80)
            at++;
        n--;
    }
    return at;
}

size_t utf8_read(const char *text, size_t bytes, uint32_t *ret_code_point)
{
    unsigned char first = (unsigned char)text[0];
    size_t need = utf8_bytes(first);
    if (need > bytes)
        need = bytes;
    if (need == 1) {
        *ret_code_point = first;
        return 1;
    }
    uint32_t code_point = first & (0xFFu >> (need + 1));
    for (size_t i = 1; i < need; i++)
        code_point = code_point << 6 | ((unsigned char)text[i] & 0x3F);
    *ret_code_point = code_point;
    return need;
}

size_t utf8_write(char *out, uint32_t code_point)
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3F));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code_point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (code_point >> 18 & 7));
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code_point & 0x3F));
    return 4;
}

struct case_range {
    uint32_t first, last;
    uint32_t stride;
    int32_t add;
};

struct case_expansion {
    uint32_t code_point;
    uint32_t upper[CASE_EXPANSION_MAX];
};

#include "asl/jsonata/unicode_case.def"

static uint32_t map_case(const struct case_range *ranges, size_t count, uint32_t code_point)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct case_range *r = &ranges[middle];
        if (code_point < r->first)
            high = middle;
        else if (code_point > r->last)
            low = middle + 1;
        else if ((code_point - r->first) % r->stride != 0)
            return code_point;
        else
            return (uint32_t)((int32_t)code_point + r->add);
    }
    return code_point;
}

size_t unicode_upper(uint32_t code_point, uint32_t out[CASE_EXPANSION_MAX])
{
    if (code_point < 0x80) {
        out[0] = code_point >= 'a' && code_point <= 'z' ? code_point - 32 : code_point;
        return 1;
    }
    for (size_t i = 0; i < sizeof upper_expansions / sizeof *upper_expansions; i++) {
        if (upper_expansions[i].code_point != code_point)
            continue;
        size_t count = 0;
        while (count < CASE_EXPANSION_MAX && upper_expansions[i].upper[count]) {
            out[count] = upper_expansions[i].upper[count];
            count++;
        }
        return count;
    }
    out[0] = map_case(upper_ranges, sizeof upper_ranges / sizeof *upper_ranges, code_point);
    return 1;
}

size_t unicode_lower(uint32_t code_point, uint32_t out[CASE_EXPANSION_MAX])
{
    if (code_point == 0x130) { /* I with a dot: i and a combining dot */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    out[0] = code_point >= 'A' && code_point <= 'Z' ? code_point + 32 : code_point;
    if (code_point >= 0x80)
        out[0] = map_case(lower_ranges, sizeof lower_ranges / sizeof *lower_ranges, code_point);
    return 1;
}
