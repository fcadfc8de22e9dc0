// table.mjs OURS.json REFERENCE.json - both rates a second and how many times ours is the other.
import fs from 'node:fs';

const [ours, theirs] = process.argv.slice(2).map(file => JSON.parse(fs.readFileSync(file, 'utf8')));
const row = (...cells) => console.log(cells.map((c, i) => (i ? String(c).padStart(14) : String(c).padEnd(28))).join(''));
row('', 'orchestrator', 'jsonata (npm)', 'times');
for (const key of Object.keys(ours)) {
    const [, name, what] = key.match(/(.*)_(eval|compile)_per_s/);
    row(`${name}, ${what}/s`, ours[key], theirs[key], (ours[key] / theirs[key]).toFixed(1));
}
