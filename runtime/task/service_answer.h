/*
 * service_answer.h - what a service would answer to a call that it accepts: the output of TaskSubmitted.
 *
 * Source    reference/integrations.md sections 1 (SdkHttpMetadata), 2, 4, 5.
 */
#ifndef RUNTIME_TASK_SERVICE_ANSWER_H
#define RUNTIME_TASK_SERVICE_ANSWER_H

struct json_object;
struct resource;

/* A new object. Ids in it are made of `seed` (NULL allowed), so the same attempt gets the same ones. */
struct json_object *service_answer(const struct resource *resource, struct json_object *parameters, const char *seed);

#endif
