/*
 * run_flow.c - plays flows against the pure core: `run_flow FILE...`. What a flow says: tests/flow/flow.h.
 */
#include "tests/flow/flow.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    size_t passed = 0, failed = 0;
    for (int i = 1; i < argc; i++) {
        struct flow_file file = flow_file_read(argv[i]);
        for (size_t j = 0; j < file.count; j++) {
            bool good = flow_play(&file, &file.flows[j]);
            printf("%s %s\n", good ? "ok    " : "FAILED", file.flows[j].title);
            passed += good;
            failed += !good;
        }
        flow_file_release(&file);
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
