EXTRA_DIST += %D%/architecture.md %D%/citus.sql %D%/conformance.md %D%/definitions.md %D%/handlers.md %D%/limits.md %D%/migrating.md %D%/operations.md %D%/performance.md %D%/security.md %D%/store.md %D%/testing.md

dist_man_MANS += \
    %D%/man/orchestrator-activity-create.1 \
    %D%/man/orchestrator-activity-delete.1 \
    %D%/man/orchestrator-activity-list.1 \
    %D%/man/orchestrator-activity-poll.1 \
    %D%/man/orchestrator-call.1 \
    %D%/man/orchestrator-completion.1 \
    %D%/man/orchestrator-create.1 \
    %D%/man/orchestrator-delete.1 \
    %D%/man/orchestrator-describe.1 \
    %D%/man/orchestrator-doctor.1 \
    %D%/man/orchestrator-env.1 \
    %D%/man/orchestrator-eval.1 \
    %D%/man/orchestrator-export.1 \
    %D%/man/orchestrator-graph.1 \
    %D%/man/orchestrator-help.1 \
    %D%/man/orchestrator-history.1 \
    %D%/man/orchestrator-import.1 \
    %D%/man/orchestrator-info.1 \
    %D%/man/orchestrator-list.1 \
    %D%/man/orchestrator-migrate.1 \
    %D%/man/orchestrator-nodes.1 \
    %D%/man/orchestrator-prune.1 \
    %D%/man/orchestrator-redrive.1 \
    %D%/man/orchestrator-run.1 \
    %D%/man/orchestrator-serve.1 \
    %D%/man/orchestrator-start.1 \
    %D%/man/orchestrator-stop.1 \
    %D%/man/orchestrator-task-failure.1 \
    %D%/man/orchestrator-task-heartbeat.1 \
    %D%/man/orchestrator-task-success.1 \
    %D%/man/orchestrator-task-tokens.1 \
    %D%/man/orchestrator-update.1 \
    %D%/man/orchestrator-validate.1 \
    %D%/man/orchestrator.1
