/* jsonata_batch.c - the batch mode of `orchestrator eval --jsonata` without the rest of the program. */
#include "orchestrator/command/eval_jsonata.h"

int main(void)
{
    return eval_jsonata_batch(stdin, stdout);
}
