/*
 * label.h - which labels a distributed Map may have, and how a refused one is spoken of.
 *
 * Source    the rules: reference/asl.md, "Label". The wording: recorded answers of CreateStateMachine, which speak of
 *           labels as no other fault is spoken of: an exception's text in a list, as Python writes a list, then the
 *           definition as it was given.
 */
#ifndef ASL_DEFINITION_LABEL_H
#define ASL_DEFINITION_LABEL_H

#include <stddef.h>

/* What is wrong with a label, as one sentence ("Label cannot be empty"); NULL: nothing. From the heap. */
char *label_fault(const char *label, size_t bytes);

/* The exception that the recordings make of such a sentence: `Error=ValueError Args=['Label cannot be empty']`. */
char *label_exception(const char *fault);

#endif
