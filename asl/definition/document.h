/*
 * document.h - the text of a definition, JSON or YAML, as a JSON tree; and where in the text things are.
 *
 * Shapes    JSON where the first character that is not blank is `{` or `[`, or where the text is
 *           no YAML mapping; else YAML 1.2 with its core schema. CloudFormation's !Ref, !Sub and
 *           !GetAtt become "${Name}".
 * Promise   depth, aliases and size are bounded; every name that an object has twice is reported.
 */
#ifndef ASL_DEFINITION_DOCUMENT_H
#define ASL_DEFINITION_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

struct diagnostics;
struct json_object;

/* False where the text does not parse; the fault is then in the diagnostics. Twice-named members are reported too. */
bool document_read(const char *text, size_t bytes, struct json_object **ret_value, struct diagnostics *diagnostics);

#endif
