/* transfer.c - `export` and `import`: executions as files. */
#include "config.h"

#include "orchestrator/api.h"
#include "orchestrator/client.h"
#include "orchestrator/command.h"
#include "orchestrator/names.h"
#include "orchestrator/node.h"

#include "asl/base/err.h"
#include "runtime/store/store.h"
#include "runtime/upkeep/transfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cmd_export(const struct options *options)
{
    struct client_error error = CLIENT_ERROR_INIT;
    struct transfer_counts counts;
    int code = EXIT_OK;
    struct client *client = api_open(options, &code);
    char *arn = NULL;

    if (!client)
        return code;
    if (names_execution(client, options->arguments[0], &arn, &error) ||
        transfer_export(client_node(client)->store, arn, stdout, &counts, &error.err))
        code = api_fail(options, &error);
    free(arn);
    client_close(client);
    return code;
}

static int read_file(struct import *import, const char *path, struct err *err)
{
    FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
    int result;

    if (!file) {
        result = err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s", strerror(errno));
        err_at(err, "%s", path);
        return result;
    }
    result = import_read(import, file, file == stdin ? "standard input" : path, err);
    if (file != stdin)
        fclose(file);
    return result;
}

static int write_all(struct import *import, const struct options *options, struct err *err)
{
    struct transfer_counts counts;
    struct store *store = NULL;
    char *url = node_store_url(options);
    int result = store_open(url, &store, err);

    if (!result)
        result = import_write(import, store, &counts, err);
    if (!result)
        printf("imported %lld executions, %lld rows of history, %lld documents\n", (long long)counts.executions,
               (long long)counts.rows, (long long)counts.documents);
    store_close(store);
    free(url);
    return result;
}

int cmd_import(const struct options *options)
{
    struct import *import = import_new();
    struct err err = {0};
    bool read = true;
    int result = 0;

    for (size_t i = 0; i < options->argument_count && !result; i++)
        result = read_file(import, options->arguments[i], &err);
    if (result)
        read = false;
    else
        result = write_all(import, options, &err);
    import_free(import);
    if (!result)
        return EXIT_OK;
    return read || result != ERR_NOT_FOUND ? command_fail(options, &err) : (command_fail(options, &err), EXIT_USAGE);
}
