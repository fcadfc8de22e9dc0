/*
 * transform.c - brings the rows of a chunk into one currency; a line handler in C.
 *
 * {"file":"chunk-007.csv"} -> {"file":"chunk-007.tsv","rows":n,"rejected":n}. A row "id,country,currency,amount"
 * becomes "id TAB country TAB cents"; one with an unknown currency or no amount is rejected.
 */
#include "handler.h"

static const struct {
    const char *name;
    double euros;
} currencies[] = {{"EUR", 1.0}, {"USD", 0.92}, {"GBP", 1.17}};

/* Cents of an amount, or -1. */
static long euro_cents(const char *currency, const char *amount)
{
    char *end;
    double number = strtod(amount, &end);
    for (size_t i = 0; i < sizeof currencies / sizeof *currencies; i++)
        if (end != amount && number > 0 && strcmp(currency, currencies[i].name) == 0)
            return (long)(number * currencies[i].euros * 100 + 0.5);
    return -1;
}

static void transform_rows(FILE *in, FILE *out, int *ret_rows, int *ret_rejected)
{
    char line[256];
    while (fgets(line, sizeof line, in)) {
        char id[32], country[8], currency[8], amount[32];
        long cents = -1;
        if (sscanf(line, "%31[^,],%7[^,],%7[^,],%31[^\n]", id, country, currency, amount) == 4)
            cents = euro_cents(currency, amount);
        if (cents < 0) {
            ++*ret_rejected;
            continue;
        }
        fprintf(out, "%s\t%s\t%ld\n", id, country, cents);
        ++*ret_rows;
    }
}

static void transform(struct handler_call *call)
{
    const char *folder = getenv("PIPELINE");
    char file[64], in_path[4096], out_path[4096];
    int rows = 0, rejected = 0;
    if (folder == NULL || !handler_text(call->payload, "file", file, sizeof file) || strchr(file, '/')) {
        handler_error(call, "BadInput", "a file of the folder $PIPELINE is wanted");
        return;
    }
    file[strcspn(file, ".")] = '\0';
    snprintf(in_path, sizeof in_path, "%s/%s.csv", folder, file);
    snprintf(out_path, sizeof out_path, "%s/%s.tsv", folder, file);
    FILE *in = fopen(in_path, "r"), *out = in ? fopen(out_path, "w") : NULL;
    if (in && out)
        transform_rows(in, out, &rows, &rejected);
    bool failed = in == NULL || out == NULL || ferror(in) || ferror(out);
    if (in)
        fclose(in);
    if (out && fclose(out) != 0)
        failed = true;
    if (failed)
        handler_error(call, "ChunkUnreadable", strerror(errno));
    else
        handler_result(call, "{\"file\":\"%s.tsv\",\"rows\":%d,\"rejected\":%d}", file, rows, rejected);
}

int main(void)
{
    return handler_run(transform);
}
