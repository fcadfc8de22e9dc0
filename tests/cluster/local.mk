# Nodes on a PostgreSQL of their own while they are killed and paused; what is in the store afterwards beside a model.
CLUSTER_FILES = \
    %D%/audit.py \
    %D%/chaos.py \
    %D%/cluster_test.py \
    %D%/database.py \
    %D%/load.py \
    %D%/nodes.py \
    %D%/verify.py \
    %D%/workload.py
TESTS += %D%/cluster_test.py
EXTRA_DIST += $(CLUSTER_FILES)
