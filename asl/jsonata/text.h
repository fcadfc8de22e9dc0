/*
 * text.h - UTF-8, counted in code points.
 *
 * Half a surrogate pair, which JavaScript allows in a string, is kept as three bytes as if it were
 * a character; text_join_surrogates() is for those who add to a string in pieces.
 */
#ifndef ASL_JSONATA_TEXT_H
#define ASL_JSONATA_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that starts with this byte; 1 for a stray one. */
static inline size_t utf8_bytes(unsigned char first)
{
    return first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* Code points in a text. */
size_t utf8_count(const char *text, size_t bytes);
/* Byte offset of the n-th code point, or `bytes` when there are fewer. */
size_t utf8_offset(const char *text, size_t bytes, size_t n);
/* Reads one code point; returns its bytes (at least 1, never past the end). */
size_t utf8_read(const char *text, size_t bytes, uint32_t *ret_code_point);
/* Writes up to 4 bytes. */
size_t utf8_write(char *out, uint32_t code_point);

/* The characters of a code point in another case; returns how many. */
enum { CASE_EXPANSION_MAX = 3 };
size_t unicode_upper(uint32_t code_point, uint32_t out[CASE_EXPANSION_MAX]);
size_t unicode_lower(uint32_t code_point, uint32_t out[CASE_EXPANSION_MAX]);

#endif
