// reference.mjs WORKLOAD.json SECONDS - what jsonata_bench prints, for the reference implementation.
import fs from 'node:fs';
import jsonata from 'jsonata';

const [, , file, seconds] = process.argv;
const workload = JSON.parse(fs.readFileSync(file, 'utf8'));
const data = JSON.parse(fs.readFileSync(workload.data, 'utf8'));
const rate = async (time, once) => {
    let count = 0;
    const start = performance.now();
    do {
        await once();
        count++;
    } while (performance.now() - start < time * 1000);
    return Math.round(count / ((performance.now() - start) / 1000));
};
const rates = {};
for (const { name, expr } of workload.expressions) {
    const expression = jsonata(expr);
    for (let i = 0; i < 20; i++)
        await expression.evaluate(data);
    rates[`${name}_eval_per_s`] = await rate(seconds, () => expression.evaluate(data));
    rates[`${name}_compile_per_s`] = await rate(seconds / 4, () => jsonata(expr));
}
console.log(JSON.stringify(rates));
