/*
 * echo_handler.c - answers every call with its payload: the handler of the benchmarks.
 */
#include "examples/lib/handler.h"

static void echo(struct handler_call *call)
{
    handler_result(call, "%s", call->payload);
}

int main(void)
{
    return handler_run(echo);
}
