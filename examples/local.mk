# The examples: run by tests/e2e/examples.sh, or by hand with `orchestrator` on the PATH.
TESTS += tests/e2e/examples.sh
EXTRA_DIST += tests/e2e/examples.sh
EXTRA_DIST += \
    %D%/README.md \
    %D%/approval/README.md \
    %D%/approval/approval.asl.json \
    %D%/approval/expected \
    %D%/approval/functions/ask.sh \
    %D%/approval/run \
    %D%/data-pipeline/README.md \
    %D%/data-pipeline/data-pipeline.asl.json \
    %D%/data-pipeline/expected \
    %D%/data-pipeline/functions/aggregate.sh \
    %D%/data-pipeline/functions/extract.py \
    %D%/data-pipeline/functions/load.sh \
    %D%/data-pipeline/functions/transform.c \
    %D%/data-pipeline/input.json \
    %D%/data-pipeline/run \
    %D%/feed-crawler/README.md \
    %D%/feed-crawler/expected \
    %D%/feed-crawler/feed-crawler.asl.json \
    %D%/feed-crawler/feed-server.py \
    %D%/feed-crawler/functions/fetch-page.py \
    %D%/feed-crawler/functions/keep-items.lines.py \
    %D%/feed-crawler/run \
    %D%/image-processing/README.md \
    %D%/image-processing/expected \
    %D%/image-processing/functions/keep-row.lines.py \
    %D%/image-processing/functions/list-pictures.py \
    %D%/image-processing/functions/resize.sh \
    %D%/image-processing/image-processing.asl.json \
    %D%/image-processing/input.json \
    %D%/image-processing/run \
    %D%/lib/handler.h \
    %D%/order-fulfilment/README.md \
    %D%/order-fulfilment/declined.json \
    %D%/order-fulfilment/expected \
    %D%/order-fulfilment/functions/check-order.c \
    %D%/order-fulfilment/functions/confirm-order.py \
    %D%/order-fulfilment/functions/refund-payment.sh \
    %D%/order-fulfilment/functions/release-stock.sh \
    %D%/order-fulfilment/functions/request-payment.sh \
    %D%/order-fulfilment/functions/reserve-stock.sh \
    %D%/order-fulfilment/functions/ship-order.lines.py \
    %D%/order-fulfilment/order.json \
    %D%/order-fulfilment/order-fulfilment.asl.json \
    %D%/order-fulfilment/run \
    %D%/order-fulfilment/shop.sql
