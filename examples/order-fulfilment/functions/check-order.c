/*
 * check-order.c - adds up an order; a line handler in C.
 *
 * {"items":[{"sku","quantity","unitCents"}, ...]} -> {"totalCents":n}, or the error InvalidOrder.
 */
#include "handler.h"

static void check_order(struct handler_call *call)
{
    size_t bytes;
    long total_cents = 0;
    const char *items = handler_member(call->payload, "items", &bytes), *item = NULL;
    while (items && (item = handler_next(&items)) != NULL) {
        double quantity = handler_number(item, "quantity", 0), unit_cents = handler_number(item, "unitCents", -1);
        char sku[64];
        if (!handler_text(item, "sku", sku, sizeof sku) || quantity < 1 || quantity > 1000 || unit_cents < 0) {
            handler_error(call, "InvalidOrder", "an item needs a sku, a quantity from 1 to 1000 and a price");
            return;
        }
        total_cents += (long)(quantity * unit_cents);
    }
    if (total_cents == 0)
        handler_error(call, "InvalidOrder", "there is nothing to pay for");
    else
        handler_result(call, "{\"totalCents\":%ld}", total_cents);
}

int main(void)
{
    return handler_run(check_order);
}
