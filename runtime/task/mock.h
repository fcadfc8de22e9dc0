/*
 * mock.h - answers from a Step Functions Local mock file (SFN_MOCK_CONFIG).
 *
 * Source    reference/integrations.md section 10.
 */
#ifndef RUNTIME_TASK_MOCK_H
#define RUNTIME_TASK_MOCK_H

#include "runtime/task/connector.h"

/* Reads and checks the file: ERR_INVALID with the place of the fault. Accepts the tasks of executions with a test case
 * that names their state. */
int mock_open(struct event_base *base, const char *path, struct connector **ret_connector, struct err *err);
/* Whether the machine has such a test case. */
bool mock_has_case(struct connector *connector, const char *machine_name, const char *test_case);

#endif
