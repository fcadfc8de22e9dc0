/*
 * child_name.c - names of executions that follow from what starts them, and lie where that lies.
 *
 * Who starts a child again after a crash must find the first one; and a child on its parent's shard is run by its
 * parent's node, moves with it, and is watched without asking anybody. So the name is a hash of what starts it, in
 * which a number is raised until the name's shard is the wanted one: as many tries as there are shards, on average.
 */
#include "asl/base/mem.h"
#include "runtime/executor/engine_priv.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_name(const unsigned char *d, char name[ENGINE_CHILD_NAME_CHARS + 1])
{
    snprintf(name, ENGINE_CHILD_NAME_CHARS + 1, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9], d[10], d[11], d[12], d[13], d[14], d[15]);
}

/* The next name that is tried: the last four bytes are a number. */
static void raise(unsigned char *d)
{
    for (int i = 15; i >= 12 && ++d[i] == 0; i--)
        ;
}

void engine_child_name(struct engine *engine, const char *seed, const char *arn_prefix, const char *parent_arn,
                       char ret_name[ENGINE_CHILD_NAME_CHARS + 1])
{
    unsigned char d[EVP_MAX_MD_SIZE];
    EVP_Digest(seed, strlen(seed), d, NULL, EVP_sha256(), NULL);
    d[6] = (unsigned char)((d[6] & 15) | 64);
    d[8] = (unsigned char)((d[8] & 63) | 128);
    write_name(d, ret_name);
    if (parent_arn == NULL || engine->store == NULL)
        return;
    struct run *parent = run_by_arn(engine, parent_arn);
    int shards = parent ? store_shards_at_start(engine->store, parent->id) : store_shards(engine->store);
    int shard = store_shard_among(shards, parent_arn);
    size_t prefix_bytes = strlen(arn_prefix);
    char *arn = mem_alloc(prefix_bytes + ENGINE_CHILD_NAME_CHARS + 1);
    memcpy(arn, arn_prefix, prefix_bytes);
    for (;;) {
        memcpy(arn + prefix_bytes, ret_name, ENGINE_CHILD_NAME_CHARS + 1);
        if (store_shard_among(shards, arn) == shard)
            break;
        raise(d);
        snprintf(ret_name + ENGINE_CHILD_NAME_CHARS - 8, 9, "%02x%02x%02x%02x", d[12], d[13], d[14], d[15]);
    }
    free(arn);
}
