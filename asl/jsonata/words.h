/* words.h - numbers in English words: "three hundred and sixty-five", "first". */
#ifndef ASL_JSONATA_WORDS_H
#define ASL_JSONATA_WORDS_H

#include "asl/jsonata/eval.h"

/* In title case. */
void words_format(struct builder *out, double number, bool ordinal);
/* NaN when a word is not known. */
double words_parse(struct text text);
/* Bytes at the start of a text that are words of numbers. */
size_t words_match(struct text text);

#endif
