/*
 * terminal.h - colours and size of a terminal, and when there is none.
 */
#ifndef ORCHESTRATOR_TERMINAL_H
#define ORCHESTRATOR_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

struct options;

/* Whether to colour what is written there: on terminals, without NO_COLOR, or as --color says. */
bool terminal_colours(const struct options *options, FILE *stream);
/* Whether a picture can be drawn there again and again: a terminal that knows how to move the cursor. */
bool terminal_is_live(FILE *stream);
/* Columns and rows; 80 by 24 where they are not known. */
void terminal_size(FILE *stream, int *ret_columns, int *ret_rows);

#endif
