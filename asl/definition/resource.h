/*
 * resource.h - what the Resource of a Task names.
 *
 * Source    reference/integrations.md section 1.
 */
#ifndef ASL_DEFINITION_RESOURCE_H
#define ASL_DEFINITION_RESOURCE_H

#include <stdbool.h>

struct arena;

enum resource_kind {
    RESOURCE_FUNCTION, /* arn:aws:lambda:R:A:function:NAME[:QUALIFIER]: the input is the event */
    RESOURCE_ACTIVITY, /* arn:aws:states:R:A:activity:NAME */
    RESOURCE_SERVICE   /* arn:aws:states:::SERVICE:ACTION[.sync|.sync:2|.waitForTaskToken] */
};

enum resource_pattern { PATTERN_REQUEST_RESPONSE, PATTERN_SYNC, PATTERN_SYNC_2, PATTERN_CALLBACK };

struct resource {
    enum resource_kind kind;
    enum resource_pattern pattern;
    const char *text;      /* as written */
    const char *name;      /* function or activity name, without qualifier */
    const char *service;   /* "lambda", "sqs", "aws-sdk:dynamodb": the resourceType of history events */
    const char *action;    /* "invoke", "sendMessage.waitForTaskToken": the resource of history events */
    const char *operation; /* the action without its pattern: "sendMessage" */
};

/* False where the text is no ARN that a Task may name. The texts live in the arena. */
bool resource_parse(struct arena *arena, const char *text, struct resource *ret_resource);

/* Whether AWS has such an integration (integrations.def). What is not a service is known, and so is all of aws-sdk. */
bool resource_is_known(const struct resource *resource);
/* "sqs:sendMessage": the integration that was probably meant by one that is not known; NULL: none is near. */
const char *resource_suggest(const struct resource *resource);

#endif
