// Workflows of ten durable steps with DBOS Transact on PostgreSQL, for comparison: steps.mjs URL WORKFLOWS IN_FLIGHT.
// Each step echoes a document of 200 bytes in process; its result is committed before the next one starts.
import { DBOS } from '@dbos-inc/dbos-sdk';

// A URL without a host, as libpq has it for sockets, is none for JavaScript.
const url = process.argv[2].replace('@/', '@localhost/');
const [count, inFlight] = process.argv.slice(3).map(Number);
const order = (i) => ({
  id: i, orderId: `order-${String(i).padStart(8, '0')}`, customer: 'C-1029384756', amount: 123.45, currency: 'EUR',
  items: [{ sku: 'SKU-1', qty: 2 }, { sku: 'SKU-2', qty: 1 }], note: 'x'.repeat(38),
});
const echo = async (value) => value;
const tenSteps = DBOS.registerWorkflow(async (value) => {
  for (let i = 0; i < 10; i++) value = await DBOS.runStep(() => echo(value), { name: `step${i}` });
  return value;
}, { name: 'tenSteps' });

async function run(total) {
  let next = 0;
  const lane = async () => { while (next < total) await tenSteps(order(next++)); };
  await Promise.all(Array.from({ length: Math.min(inFlight, total) }, lane));
}

DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, logLevel: 'error', systemDatabasePoolSize: 20 });
await DBOS.launch();
await run(50);
const began = performance.now();
await run(count);
const seconds = (performance.now() - began) / 1000;
console.log(JSON.stringify({ unit: 'step', unitsPerSecond: Math.round(10 * count / seconds), inFlight }));
await DBOS.shutdown();
process.exit(0);
