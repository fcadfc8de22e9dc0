/* doctor.c - `doctor`: looks at what commonly goes wrong, and says what to do about it. */
#include "config.h"

#include "orchestrator/doctor.h"

#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/output.h"

#include "asl/base/json.h"
#include "asl/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const status_names[] = {"ok", "warning", "fault"};

void doctor_say(struct doctor *doctor, enum finding finding, const char *check, const char *advice, const char *format,
                ...)
{
    struct json_object *entry = json_object_new_object();
    va_list arguments;

    va_start(arguments, format);
    char *message = mem_vprintf(format, arguments);
    va_end(arguments);
    json_add_text(entry, "check", check);
    json_add_text(entry, "status", status_names[finding]);
    json_add_text(entry, "message", message);
    if (advice)
        json_add_text(entry, "advice", advice);
    json_append(doctor->findings, entry);
    if (finding > doctor->worst)
        doctor->worst = finding;
    free(message);
}

static void print_lines(struct json_object *findings)
{
    for (size_t i = 0; i < json_object_array_length(findings); i++) {
        struct json_object *entry = json_object_array_get_idx(findings, i);
        const char *advice = json_member_text(entry, "advice");

        printf("%-8s %-14s %s\n", json_member_text(entry, "status"), json_member_text(entry, "check"),
               json_member_text(entry, "message"));
        if (advice)
            printf("%-8s %-14s   %s\n", "", "", advice);
    }
}

int cmd_doctor(const struct options *options)
{
    struct doctor doctor = {.options = options, .findings = json_object_new_array()};
    enum output_format format;
    int code = EXIT_USAGE;

    if (output_format(options, &format)) {
        if (!client_is_remote(options))
            doctor_check_local(&doctor);
        doctor_check_server(&doctor);
        if (format == OUTPUT_TABLE)
            print_lines(doctor.findings);
        else
            output_list(format, doctor.findings, NULL, 0, "check");
        code = doctor.worst == FINDING_FAULT ? EXIT_FAILED : EXIT_OK;
    }
    json_object_put(doctor.findings);
    return code;
}
