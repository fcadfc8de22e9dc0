/*
 * validate.h - `orchestrator validate [options] FILE...`: checks definitions without running them.
 *
 * Exit      0 all are valid, 1 some are not, 2 a file could not be read or the usage is wrong.
 */
#ifndef ORCHESTRATOR_COMMAND_VALIDATE_H
#define ORCHESTRATOR_COMMAND_VALIDATE_H

/* argv[0] is the name of the command. */
int cmd_validate(int argc, char **argv);

#endif
