/*
 * choice_priv.h - the compiled form of a choice rule; for asl/dataflow/choice*.c only.
 */
#ifndef ASL_DATAFLOW_CHOICE_PRIV_H
#define ASL_DATAFLOW_CHOICE_PRIV_H

#include "asl/dataflow/choice.h"
#include "asl/dataflow/timestamp.h"

struct jsonpath;

enum comparator_family { FAMILY_BOOLEAN, FAMILY_NUMERIC, FAMILY_STRING, FAMILY_TIMESTAMP, FAMILY_TYPE };

enum comparator_relation {
    RELATION_EQ,
    RELATION_LT,
    RELATION_LE,
    RELATION_GT,
    RELATION_GE,
    RELATION_MATCHES,
    RELATION_IS_BOOLEAN,
    RELATION_IS_NULL,
    RELATION_IS_NUMERIC,
    RELATION_IS_PRESENT,
    RELATION_IS_STRING,
    RELATION_IS_TIMESTAMP
};

enum test_kind { TEST_COMPARE, TEST_AND, TEST_OR, TEST_NOT, TEST_CONDITION };

struct choice_test {
    enum test_kind kind;
    /* TEST_COMPARE */
    enum comparator_family family;
    enum comparator_relation relation;
    struct jsonpath *variable;
    struct jsonpath *operand_path;      /* NULL: literal */
    struct json_object *literal;        /* owned by the arena */
    struct timestamp literal_timestamp; /* FAMILY_TIMESTAMP with a literal */
    /* TEST_AND, TEST_OR, TEST_NOT (one) */
    struct choice_test **tests;
    size_t test_count;
    /* TEST_CONDITION */
    struct template *condition;
};

#endif
