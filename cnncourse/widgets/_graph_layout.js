// Where the nodes of a computational graph stand: columns from the inputs to the output, long edges led around the nodes.

/** Column of every node: gates after all their arguments, inputs just before their first use. */
function columnsOf(nodes) {
  const column = [];
  nodes.forEach((node) => column.push(node.from.length ? 1 + Math.max(...node.from.map((k) => column[k])) : 0));
  nodes.forEach((node, k) => {
    if (node.from.length) return;
    const users = nodes.map((other, j) => j).filter((j) => nodes[j].from.includes(k));
    column[k] = Math.min(...users.map((j) => column[j])) - 1;
  });
  return column;
}

/** Items by column, each {id} of a node or a bend of an edge, with links to the column before. */
function layered(nodes, column) {
  const rows = Array.from({ length: Math.max(...column) + 1 }, () => []);
  const items = nodes.map((_, k) => ({ node: k, column: column[k], back: [], next: [] }));
  const routes = new Map();
  items.forEach((item) => rows[item.column].push(item));
  nodes.forEach((node, k) => node.from.forEach((from, slot) => {
    let last = items[from];
    const bends = [];
    for (let c = column[from] + 1; c < column[k]; c++) {
      const bend = { node: null, column: c, back: [last], next: [] };
      last.next.push(bend);
      rows[c].push(bend);
      bends.push(bend);
      last = bend;
    }
    last.next.push(items[k]);
    items[k].back.push(last);
    routes.set(`${k}.${slot}`, bends);
  }));
  return { rows, items, routes };
}

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

/** Crossings between two neighbouring columns. */
function crossings(row) {
  const ends = row.flatMap((item, k) => item.back.map((from) => [from.rank, k]));
  let count = 0;
  ends.forEach(([a, b], n) => ends.slice(n + 1).forEach(([c, d]) => (count += (a - c) * (b - d) < 0 ? 1 : 0)));
  return count;
}

function rank(rows) {
  rows.forEach((row) => row.forEach((item, k) => (item.rank = k)));
}

/** Sort every column by the middle of its neighbours, back and forth, and keep the order with fewest crossings. */
function untangle(rows) {
  rank(rows);
  const total = () => rows.slice(1).reduce((count, row) => count + crossings(row), 0);
  let best = { count: total(), rows: rows.map((row) => [...row]) };
  for (let turn = 0; turn < 12; turn++) {
    const side = turn % 2 ? "next" : "back";
    const order = side === "back" ? rows : [...rows].reverse();
    for (const row of order) {
      const key = new Map(row.map((item) => [item, item[side].length ? mean(item[side].map((other) => other.rank)) : item.rank]));
      row.sort((a, b) => key.get(a) - key.get(b));
      row.forEach((item, k) => (item.rank = k));
    }
    const count = total();
    if (count < best.count) best = { count, rows: rows.map((row) => [...row]) };
  }
  best.rows.forEach((row, c) => rows[c].splice(0, Infinity, ...row));
  rank(rows);
}

/** Heights in each column: near the middle of the neighbours, never closer than one unit (bends: 0.6). */
function settle(rows) {
  const gap = (a, b) => (a.node === null || b.node === null ? 0.62 : 1);
  for (const row of rows) {
    let y = 0;
    row.forEach((item, k) => {
      y += k ? gap(row[k - 1], item) : 0;
      item.y = y;
    });
    row.forEach((item) => (item.y -= y / 2));
  }
  const pull = (row, side) => {
    const wish = row.map((item) => (item[side].length ? mean(item[side].map((other) => other.y)) : item.y));
    const [down, up] = [[], []];
    row.forEach((item, k) => (down[k] = k ? Math.max(wish[k], down[k - 1] + gap(row[k - 1], item)) : wish[k]));
    for (let k = row.length - 1; k >= 0; k--) up[k] = k < row.length - 1 ? Math.min(wish[k], up[k + 1] - gap(row[k], row[k + 1])) : wish[k];
    row.forEach((item, k) => (item.y = (down[k] + up[k]) / 2));
  };
  for (let turn = 0; turn < 8; turn++) {
    [...rows].reverse().forEach((row) => pull(row, "next"));
    rows.forEach((row) => pull(row, "back"));
  }
}

/** {columns, rows, at: [[column, height]] of nodes, bends: Map "gate.slot" -> [[column, height]]}; heights from 0 to rows - 1. */
export function layout(nodes) {
  const column = columnsOf(nodes);
  const { rows, items, routes } = layered(nodes, column);
  untangle(rows);
  settle(rows);
  const all = rows.flat();
  const low = Math.min(...all.map((item) => item.y));
  const high = Math.max(...all.map((item) => item.y));
  const spot = (item) => [item.column, item.y - low];
  const bends = new Map([...routes].map(([key, list]) => [key, list.map(spot)]));
  return { columns: rows.length, rows: high - low + 1, at: items.map(spot), bends };
}
