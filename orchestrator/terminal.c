#include "config.h"

#include "orchestrator/terminal.h"

#include "orchestrator/options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value;
}

bool terminal_colours(const struct options *options, FILE *stream)
{
    const char *when = options_text_or(options, OPT_COLOR, "auto");

    if (!strcmp(when, "always"))
        return !is_set("NO_COLOR");
    return !strcmp(when, "auto") && !is_set("NO_COLOR") && terminal_is_live(stream);
}

bool terminal_is_live(FILE *stream)
{
    const char *kind = getenv("TERM");
    return isatty(fileno(stream)) && kind && *kind && strcmp(kind, "dumb");
}

void terminal_size(FILE *stream, int *ret_columns, int *ret_rows)
{
    struct winsize size = {0};
    bool known = !ioctl(fileno(stream), TIOCGWINSZ, &size);

    *ret_columns = known && size.ws_col ? size.ws_col : 80;
    *ret_rows = known && size.ws_row ? size.ws_row : 24;
}
