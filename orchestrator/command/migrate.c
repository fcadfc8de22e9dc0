/* migrate.c - `migrate`: a whole store into another one. */
#include "config.h"

#include "orchestrator/command.h"
#include "orchestrator/terminal.h"

#include "asl/base/err.h"
#include "asl/base/mem.h"
#include "runtime/clock.h"
#include "runtime/upkeep/migrate.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIVE_MS = 200, LINE_MS = 5000 }; /* between two lines: on a terminal, elsewhere */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

struct shown {
    bool live, quiet;
    int64_t last_ms;
    const char *step;
};

static bool show(void *context, const struct migrate_progress *progress)
{
    struct shown *shown = context;

    if (interrupted)
        return false;
    if (shown->quiet ||
        (shown->step == progress->step && clock_steady_ms() - shown->last_ms < (shown->live ? LIVE_MS : LINE_MS)))
        return true;
    shown->step = progress->step;
    shown->last_ms = clock_steady_ms();
    fprintf(stderr, "%s%s", shown->live ? "\r\033[K" : "", progress->step);
    if (progress->all.executions && progress->moved.executions)
        fprintf(stderr, ": %" PRId64 " of %" PRId64 " executions, %" PRId64 " of %" PRId64 " rows of history",
                progress->moved.executions, progress->all.executions, progress->moved.history_rows,
                progress->all.history_rows);
    fputs(shown->live ? "" : "\n", stderr);
    return true;
}

/* As of --store: a path alone is an SQLite file. */
static char *full_url(const char *text)
{
    return strchr(text, ':') ? mem_strdup(text) : mem_printf("sqlite:%s", text);
}

int cmd_migrate(const struct options *options)
{
    const char *from = options_text(options, OPT_FROM);
    const char *to = options_text(options, OPT_TO);
    struct shown shown = {.live = terminal_is_live(stderr), .quiet = options_has(options, OPT_QUIET)};
    struct store_totals moved;
    struct err err = {0};
    int result;

    if (!from || !to)
        return command_usage(options, "from where to where? name both stores with --from and --to");
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    char *source = full_url(from);
    char *target = full_url(to);
    result = migrate(source, target, show, &shown, &moved, &err);
    if (shown.live && shown.step)
        fputs("\r\033[K", stderr);
    free(source);
    free(target);
    if (result)
        return interrupted ? (command_fail(options, &err), EXIT_INTERRUPTED) : command_fail(options, &err);
    printf("moved %" PRId64 " executions (%" PRId64 " open), %" PRId64 " rows of history (%" PRId64 " bytes), %" PRId64
           " documents\n",
           moved.executions, moved.open_executions, moved.history_rows, moved.history_bytes, moved.documents);
    return EXIT_OK;
}
