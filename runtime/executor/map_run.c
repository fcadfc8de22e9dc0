/*
 * map_run.c - a distributed Map at work. Its children are executions of their own.
 */
#include "runtime/executor/engine_priv.h"

void map_run_carry_out(struct run *run, struct command command)
{
    if (command.kind == COMMAND_START_MAP_RUN)
        run_deliver(run, &(struct stimulus){.kind = STIMULUS_MAP_RUN_ENDED,
                                            .frame = command.frame,
                                            .task_id = command.task_id,
                                            .error = "States.Runtime",
                                            .cause = "Distributed Map is not supported yet."});
}
