#include "asl/jsonata/signature.h"

#include "asl/jsonata/eval.h"

#include <string.h>

enum symbol { SYM_A = 1, SYM_S = 2, SYM_N = 4, SYM_B = 8, SYM_L = 16, SYM_F = 32, SYM_O = 64, SYM_MISSING = 128 };
enum { SYM_JSON = SYM_A | SYM_S | SYM_N | SYM_B | SYM_L | SYM_O | SYM_MISSING, SYM_ANY = SYM_JSON | SYM_F };

static uint16_t symbol_of_letter(char c)
{
    switch (c) {
    case 's':
        return SYM_S;
    case 'n':
        return SYM_N;
    case 'b':
        return SYM_B;
    case 'l':
        return SYM_L;
    case 'o':
        return SYM_O;
    case 'a':
        return SYM_A;
    case 'f':
        return SYM_F;
    case 'm':
        return SYM_MISSING;
    default:
        return 0;
    }
}

/* The offset of the bracket that closes the one at `start`, or the end. */
static size_t closing(const char *text, size_t bytes, size_t start, char open, char close)
{
    int depth = 1;
    size_t at = start;
    while (at < bytes) {
        at++;
        if (at < bytes && text[at] == close && --depth == 0)
            break;
        if (at < bytes && text[at] == open)
            depth++;
    }
    return at;
}

static size_t parse_choice(struct parameter *parameter, const char *text, size_t bytes, size_t at)
{
    size_t end = closing(text, bytes, at, '(', ')');
    parameter->symbols = SYM_MISSING;
    for (size_t i = at + 1; i < end; i++)
        parameter->symbols |= symbol_of_letter(text[i]);
    return end;
}

struct signature *signature_parse(struct arena *arena, const char *text, size_t bytes, const char **ret_code,
                                  size_t *ret_offset)
{
    struct signature *signature = arena_alloc(arena, sizeof *signature + bytes * sizeof *signature->parameters);
    struct parameter *last = NULL;
    for (size_t at = 1; at < bytes && text[at] != ':'; at++) {
        struct parameter next = {.symbols = 0};
        switch (text[at]) {
        case 's':
        case 'n':
        case 'b':
        case 'l':
        case 'o':
            next.symbols = symbol_of_letter(text[at]) | SYM_MISSING;
            break;
        case 'a':
            next.symbols = SYM_ANY;
            next.array = true;
            break;
        case 'f':
            next.symbols = SYM_F;
            break;
        case 'j':
            next.symbols = SYM_JSON;
            break;
        case 'x':
            next.symbols = SYM_ANY;
            break;
        case '-':
            if (last)
                last->context = last->optional = true;
            continue;
        case '?':
            if (last)
                last->optional = true;
            continue;
        case '+':
            if (last)
                last->many = true;
            continue;
        case '(': {
            size_t end = closing(text, bytes, at, '(', ')');
            if (memchr(text + at, '<', end - at)) {
                *ret_code = "S0402";
                *ret_offset = at;
                return NULL;
            }
            at = parse_choice(&next, text, bytes, at);
            break;
        }
        case '<': {
            if (last == NULL || (!last->array && last->symbols != SYM_F)) {
                *ret_code = "S0401";
                *ret_offset = at;
                return NULL;
            }
            size_t end = closing(text, bytes, at, '<', '>');
            last->subtype = at + 1 < end ? text[at + 1] : 0;
            last->long_subtype = end > at + 2;
            at = end;
            continue;
        }
        default:
            continue;
        }
        last = &signature->parameters[signature->count++];
        *last = next;
    }
    return signature;
}

static uint16_t symbol_of(struct value v)
{
    static const uint16_t symbols[] = {
        [V_UNDEFINED] = SYM_MISSING, [V_NULL] = SYM_L,  [V_BOOLEAN] = SYM_B, [V_NUMBER] = SYM_N,
        [V_STRING] = SYM_S,          [V_ARRAY] = SYM_A, [V_OBJECT] = SYM_O,  [V_FUNCTION] = SYM_F,
    };
    return symbols[v.type];
}

/*
 * Distributes the arguments over the parameters as a regular expression would: each takes as many as
 * it can and gives back what a later one needs. taken[i] says how many parameter i got.
 */
static bool distribute(const struct signature *s, size_t parameters, size_t i, const struct value *args, size_t count,
                       size_t at, bool all, size_t *taken)
{
    if (i == parameters)
        return !all || at == count;
    const struct parameter *p = &s->parameters[i];
    size_t most = 0, least = p->optional ? 0 : 1, limit = p->many ? count - at : 1;
    while (most < limit && at + most < count && (symbol_of(args[at + most]) & p->symbols))
        most++;
    for (size_t n = most + 1; n-- > least;) {
        taken[i] = n;
        if (distribute(s, parameters, i + 1, args, count, at + n, all, taken))
            return true;
        if (n == 0)
            break;
    }
    return false;
}

_Noreturn static void fail_argument(struct eval *e, const char *code, struct value value, size_t index)
{
    fail_failure(e, (struct failure){.position = -1,
                                     .value = value,
                                     .index = (int)index,
                                     .code = {code[0], code[1], code[2], code[3], code[4]}});
}

/* Finds the first argument that does not fit: the one behind the longest run of parameters that do. */
_Noreturn static void fail_mismatch(struct eval *e, const struct signature *s, const struct value *args, size_t count,
                                    size_t *taken)
{
    size_t good = 0;
    for (size_t n = 1; n <= s->count; n++) {
        if (!distribute(s, n, 0, args, count, 0, false, taken))
            break;
        good = 0;
        for (size_t i = 0; i < n; i++)
            good += taken[i];
    }
    fail_argument(e, "T0410", good < count ? args[good] : VALUE_UNDEFINED, good + 1);
}

static const char *plural_of(char letter)
{
    switch (letter) {
    case 'a':
        return "arrays";
    case 'b':
        return "booleans";
    case 'f':
        return "functions";
    case 'n':
        return "numbers";
    case 'o':
        return "objects";
    case 's':
        return "strings";
    default:
        return NULL;
    }
}

/* An argument for an array parameter: a single value becomes an array, the items must be of the subtype. */
static struct value array_argument(struct eval *e, const struct parameter *p, struct value arg, size_t index)
{
    if (is_undefined(arg))
        return arg;
    uint16_t wanted = symbol_of_letter(p->subtype);
    bool good = true;
    if (p->subtype && arg.type != V_ARRAY) {
        good = symbol_of(arg) == wanted && !p->long_subtype;
    } else if (p->subtype) {
        size_t count = array_count(arg);
        for (size_t i = 0; i < count && good; i++)
            good = symbol_of(array_at(arg, i)) == wanted;
    }
    if (!good)
        fail_failure(
            e, (struct failure){
                   .code = "T0412", .position = -1, .value = arg, .index = (int)index, .type = plural_of(p->subtype)});
    if (arg.type == V_ARRAY)
        return arg;
    struct array *array = array_new(e, 1);
    array_push(e, array, arg);
    return value_array(array);
}

size_t signature_validate(struct eval *e, const struct signature *signature, const struct value *args, size_t count,
                          struct value context, struct value *ret_args, size_t capacity)
{
    size_t few[16];
    size_t *taken = signature->count <= 16 ? few : eval_alloc(e, signature->count * sizeof *taken);
    if (!distribute(signature, signature->count, 0, args, count, 0, true, taken))
        fail_mismatch(e, signature, args, count, taken);
    size_t at = 0, out = 0;
    for (size_t i = 0; i < signature->count && out < capacity; i++) {
        const struct parameter *p = &signature->parameters[i];
        if (taken[i] == 0) {
            if (p->context && !(symbol_of(context) & p->symbols))
                fail_argument(e, "T0411", context, at + 1);
            if (p->context) {
                ret_args[out++] = context;
            } else {
                ret_args[out++] = at < count ? args[at] : VALUE_UNDEFINED;
                at++;
            }
        }
        for (size_t n = 0; n < taken[i] && out < capacity; n++, at++)
            ret_args[out++] = p->array ? array_argument(e, p, args[at], at + 1) : args[at];
    }
    return out;
}
