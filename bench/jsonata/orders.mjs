// orders.mjs COUNT - a document of that many orders; the same every time.
const count = Number(process.argv[2]);
let state = 42;
const next = n => { state = (state * 1103515245 + 12345) % 2147483648; return Math.floor(state / 65536) % n; };
const pick = list => list[next(list.length)];
const people = ['Grace Hopper', 'Barbara Liskov', 'Edsger Dijkstra', 'Alan Turing', 'Ada Lovelace', 'Donald Knuth'];
const orders = [];
for (let i = 0; i < count; i++) {
    const lines = [];
    for (let n = 1 + next(5); n > 0; n--)
        lines.push({ sku: `SKU-${next(20)}`, qty: 1 + next(5), price: (100 + next(19900)) / 100 });
    orders.push({
        id: `O${String(i).padStart(5, '0')}`,
        customer: { name: pick(people), country: pick(['DE', 'FR', 'US', 'JP', 'BR']) },
        status: pick(['paid', 'open', 'shipped']),
        note: 'x'.repeat(next(200)),
        lines,
    });
}
process.stdout.write(JSON.stringify({ orders }));
