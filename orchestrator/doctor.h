/*
 * doctor.h - findings of `orchestrator doctor`: what was looked at, how it is, what to do.
 */
#ifndef ORCHESTRATOR_DOCTOR_H
#define ORCHESTRATOR_DOCTOR_H

struct json_object;
struct options;

enum finding { FINDING_OK, FINDING_WARNING, FINDING_FAULT };

struct doctor {
    const struct options *options;
    struct json_object *findings; /* [{check, status: "ok", "warning" or "fault", message, advice?}] */
    enum finding worst;
};

/* Adds a finding; advice is NULL where there is nothing to do. */
void doctor_say(struct doctor *doctor, enum finding finding, const char *check, const char *advice, const char *format,
                ...) __attribute__((format(printf, 5, 6)));

/* What lies on this machine: configuration, store, directories, limits. */
void doctor_check_local(struct doctor *doctor);
/* The server: can it be reached, does it take our credentials, are the clocks alike, do SDKs find it. */
void doctor_check_server(struct doctor *doctor);

#endif
