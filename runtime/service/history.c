/* history.c - GetExecutionHistory (reference/history.md). */
#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/service/execution.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct reading_history {
    struct service_call *call;
    struct history_page page;
    struct buf text;
    int64_t last;
    bool more;
    int code;
    struct err err;
};

static int read_history(void *context, const struct store_execution *execution)
{
    struct reading_history *reading = context;
    reading->code = engine_history(reading->call->service->engine, execution, &reading->page, &reading->text,
                                   &reading->last, &reading->more, &reading->err);
    return 0;
}

void get_execution_history(struct service_call *call)
{
    struct reading_history reading = {
        .call = call,
        .text = BUF_INIT,
        .page = {.limit = call_page_size(call),
                 .reverse = call_flag(call, "reverseOrder", false),
                 .without_data = !call_flag(call, "includeExecutionData", true)},
    };
    char *scope = mem_printf("%s %d", call_text(call, "executionArn"), reading.page.reverse);
    char *position = NULL;
    struct arn arn;
    if (call_arn(call, "executionArn", ANY_EXECUTION, &arn) && call_page_position(call, scope, &position)) {
        reading.page.after = position ? strtoll(position, NULL, 10) : 0;
        buf_add_text(&reading.text, "{\"events\":");
        if (!execution_read(call, read_history, &reading)) {
            /* it has failed */
        } else if (reading.code < 0) {
            call_fail_internal(call, reading.code, &reading.err);
        } else {
            if (reading.more) {
                char next[24];
                snprintf(next, sizeof next, "%" PRId64, reading.last);
                char *token = page_token(call, scope, next);
                buf_printf(&reading.text, ",\"nextToken\":\"%s\"", token);
                free(token);
            }
            buf_add_char(&reading.text, '}');
            call_succeed_text(call, &reading.text);
        }
    }
    buf_release(&reading.text);
    free(position);
    free(scope);
}
