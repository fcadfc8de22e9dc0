-- Spreads a PostgreSQL store over the nodes of a Citus cluster.
--
-- Run it once, on the coordinator, after the schema was made (by the first start) and before there is much in
-- it, while no orchestrator is running:
--
--     psql -f citus.sql "$DATABASE_URL"
--
-- Every table that grows has the shard as the first column of its primary key and in every unique
-- constraint, so that it can be distributed by it; equal shards of all tables end up on the same node, and whatever
-- concerns one execution stays on one node. Leases, writers and settings are few rows: they stay on the coordinator,
-- to which all processes of orchestrator connect.
--
-- All rows of a shard lie on one node of the cluster. For an even spread make the schema with several shards for
-- each of Citus's own (32 by default): --store 'postgres://...?shards=256' at the first start.

CREATE EXTENSION IF NOT EXISTS citus;
SET search_path = orchestrator, public;

SELECT create_distributed_table('execution', 'shard');
SELECT create_distributed_table('history', 'shard', colocate_with => 'execution');
SELECT create_distributed_table('document', 'shard', colocate_with => 'execution');
SELECT create_distributed_table('inbox', 'shard', colocate_with => 'execution');
SELECT create_distributed_table('reply', 'shard', colocate_with => 'execution');
