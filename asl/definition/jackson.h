/*
 * jackson.h - what is wrong with a JSON text, in the words that AWS's parser has for it.
 *
 * Step Functions reads JSON with Java's Jackson and passes its messages on: in the diagnostics of a
 * definition that does not parse, and in InvalidExecutionInput. This scanner reads a text token by
 * token and words its first fault like Jackson; it also serves to find out where things stand.
 *
 * Units     lines and columns count from 1, columns in UTF-16 units; Jackson's place is behind the
 *           character or word that it complains about.
 * Promise   no recursion: nesting deeper than LIMIT_JSON_DEPTH is a fault.
 * Source    recorded answers in reference/api.md sections 5 and 8; Jackson 2's ReaderBasedJsonParser.
 */
#ifndef ASL_DEFINITION_JACKSON_H
#define ASL_DEFINITION_JACKSON_H

#include <stdbool.h>
#include <stddef.h>

struct jackson_fault {
    char *message; /* without its place; heap */
    int line, column;
    bool too_deep; /* the limit of nesting: no fault of the syntax */
};

void jackson_fault_release(struct jackson_fault *fault);

enum jackson_token {
    JACKSON_OBJECT,
    JACKSON_OBJECT_END,
    JACKSON_ARRAY,
    JACKSON_ARRAY_END,
    JACKSON_NAME,  /* with its quotes */
    JACKSON_SCALAR /* string with its quotes, number, true, false, null */
};

/* Called for each token; `offset` and `bytes` are those of the token in the text. */
typedef void jackson_visit(void *context, enum jackson_token token, size_t offset, size_t bytes);

/* True where the text is one JSON document; false with the first fault (NULL: not wanted). visit may be NULL. */
bool jackson_scan(const char *text, size_t bytes, jackson_visit *visit, void *context, struct jackson_fault *ret_fault);

/*
 * The first fault in the words of the newer Jackson that States.StringToJson has, its place included: it does not show
 * the text, and places a character that it does not expect at the character. NULL where the text is one document; heap.
 */
char *jackson_newer_fault(const char *text, size_t bytes);

/* Jackson's way to name a place: [Source: (String)"not a definition"; line: 1, column: 4]; heap. */
char *jackson_source(const char *text, size_t bytes, int line, int column);

/* Line and column of an offset, moved on from where they stand: start with offset 0, line 1, column 1. */
struct text_position {
    size_t offset;
    int line, column;
};
void text_position_advance(struct text_position *position, const char *text, size_t offset);

#endif
