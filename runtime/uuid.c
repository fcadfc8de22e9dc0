#include "runtime/uuid.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum { SUPPLY_BYTES = 4096 };

static void take_random(unsigned char bytes[16])
{
    static _Thread_local unsigned char supply[SUPPLY_BYTES];
    static _Thread_local size_t left;
    if (left == 0) {
        if (RAND_bytes(supply, sizeof supply) != 1)
            abort(); /* without randomness nothing here is safe */
        left = sizeof supply;
    }
    left -= 16;
    memcpy(bytes, supply + left, 16);
}

static void write_text(unsigned char bytes[16], int version, char out[UUID_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    bytes[6] = (unsigned char)(version << 4 | (bytes[6] & 0x0F));
    bytes[8] = (unsigned char)(0x80 | (bytes[8] & 0x3F));
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

void uuid_random(char out[UUID_BYTES])
{
    unsigned char bytes[16];
    take_random(bytes);
    write_text(bytes, 4, out);
}

void uuid_of_time(int64_t ms, char out[UUID_BYTES])
{
    unsigned char bytes[16];
    take_random(bytes);
    for (int i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(ms >> (40 - 8 * i));
    write_text(bytes, 7, out);
}
