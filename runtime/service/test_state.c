#include "runtime/service/service_priv.h"
void test_state(struct service_call *call)
{
    call_fail(call, "ValidationException", "State not found in definition");
}
