/*
 * token.c - task tokens: where the task is, and a proof that the token is ours.
 *
 * A token is base64url of: version, shard, execution id, frame, id of the event that scheduled the task, and the
 * first 16 bytes of HMAC-SHA256 over all that with the store's secret. So it cannot be guessed or forged, needs no
 * table, and the same attempt has the same token after a restart.
 */
#include "asl/base/limits.h"
#include "runtime/executor/engine_priv.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { VERSION = 1, HEAD_BYTES = 24, MAC_BYTES = 16, TOKEN_BYTES = HEAD_BYTES + MAC_BYTES };

static void put(unsigned char *at, uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, number >>= 8)
        at[i] = (unsigned char)number;
}

static uint64_t get(const unsigned char *at, int bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < bytes; i++)
        number = number << 8 | at[i];
    return number;
}

static void prove(const struct engine *engine, const unsigned char *head, unsigned char *ret_mac)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    HMAC(EVP_sha256(), engine->secret, sizeof engine->secret, head, HEAD_BYTES, mac, NULL);
    memcpy(ret_mac, mac, MAC_BYTES);
}

/* base64 with the letters that are safe in URLs and on command lines; 40 bytes give 54 letters. */
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void token_make(struct engine *engine, const struct token *token, char *ret_text)
{
    unsigned char raw[TOKEN_BYTES + 2] = {0};
    put(raw, VERSION, 1);
    put(raw + 1, (uint64_t)token->shard, 3);
    put(raw + 4, (uint64_t)token->id, 8);
    put(raw + 12, token->frame, 4);
    put(raw + 16, (uint64_t)token->task_id, 8);
    prove(engine, raw, raw + HEAD_BYTES);
    size_t count = (TOKEN_BYTES * 8 + 5) / 6;
    for (size_t i = 0; i < count; i++) {
        size_t bit = i * 6;
        unsigned pair = (unsigned)(raw[bit / 8] << 8 | raw[bit / 8 + 1]);
        ret_text[i] = letters[pair >> (10 - bit % 8) & 63];
    }
    ret_text[count] = '\0';
}

bool token_read(struct engine *engine, const char *text, struct token *ret_token)
{
    unsigned char raw[TOKEN_BYTES + 2] = {0};
    size_t count = (TOKEN_BYTES * 8 + 5) / 6;
    if (strlen(text) != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *letter = strchr(letters, text[i]);
        if (letter == NULL)
            return false;
        size_t bit = i * 6;
        unsigned pair = (unsigned)(letter - letters) << (10 - bit % 8);
        raw[bit / 8] |= (unsigned char)(pair >> 8);
        raw[bit / 8 + 1] |= (unsigned char)pair;
    }
    unsigned char mac[MAC_BYTES];
    prove(engine, raw, mac);
    if (raw[0] != VERSION || CRYPTO_memcmp(mac, raw + HEAD_BYTES, MAC_BYTES) != 0)
        return false;
    *ret_token = (struct token){
        .shard = (int)get(raw + 1, 3),
        .id = (int64_t)get(raw + 4, 8),
        .frame = (uint32_t)get(raw + 12, 4),
        .task_id = (int64_t)get(raw + 16, 8),
    };
    if (engine->store)
        ret_token->shard = store_locate(engine->store, ret_token->shard, ret_token->id);
    return true;
}
