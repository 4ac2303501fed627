// Loss surfaces over two weights, and gradient descent on them step by step, as torch.optim.SGD does it.

/** name -> {title, formula, view, start, rate, value(x, y, k), gradient(x, y, k), minima, saddles}; k: the valley's condition number. */
export const SURFACES = {
  valley: {
    title: "long valley", formula: "f = \u00bd (x\u00b2 + \u03ba y\u00b2)", view: { x: [-10, 10], y: [-5, 5] }, start: [-9, 3], rate: 0.04,
    value: (x, y, k) => 0.5 * (x * x + k * y * y), gradient: (x, y, k) => [x, k * y],
    minima: [[0, 0]], saddles: [],
  },
  saddle: {
    title: "saddle", formula: "f = \u00bd x\u00b2 \u2212 \u00bd y\u00b2 + \u00bc y\u2074", view: { x: [-3, 3], y: [-1.8, 1.8] }, start: [-2.5, 0], rate: 0.1,
    value: (x, y) => 0.5 * x * x - 0.5 * y * y + 0.25 * y ** 4, gradient: (x, y) => [x, y ** 3 - y],
    minima: [[0, -1], [0, 1]], saddles: [[0, 0]],
  },
  "two minima": {
    title: "two minima", formula: "f = \u00bc (x\u00b2 \u2212 2)\u00b2 + \u2153 x + y\u00b2", view: { x: [-2.5, 2.5], y: [-1.4, 1.4] }, start: [2.2, 1], rate: 0.05,
    value: (x, y) => 0.25 * (x * x - 2) ** 2 + x / 3 + y * y, gradient: (x, y) => [x * (x * x - 2) + 1 / 3, 2 * y],
    minima: [[-1.491154084105733, 0], [1.3220704271763166, 0]], saddles: [[0.16908365692941613, 0]],
  },
  himmelblau: {
    title: "Himmelblau\u2019s four minima", formula: "f = (x\u00b2 + y \u2212 11)\u00b2 + (x + y\u00b2 \u2212 7)\u00b2", view: { x: [-6, 6], y: [-5, 5] }, start: [0.5, -4], rate: 0.005,
    value: (x, y) => (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2,
    gradient: (x, y) => [4 * x * (x * x + y - 11) + 2 * (x + y * y - 7), 2 * (x * x + y - 11) + 4 * y * (x + y * y - 7)],
    minima: [[3, 2], [-2.805118086952745, 3.131312518250573], [-3.779310253377747, -3.283185991286170], [3.584428340330492, -1.848126526964404]],
    saddles: [[-3.073025750764, -0.081353044288], [-0.127961346731, -1.953714980245], [0.086677504555, 2.884254701175], [3.385154183607, 0.073851879838]],
  },
};

/** The surface's lowest value. */
export function lowest(name, k) {
  const { value, minima } = SURFACES[name];
  return Math.min(...minima.map(([x, y]) => value(x, y, k)));
}

/** Uniform numbers in [0, 1) from a whole seed (mulberry32). */
export function uniform(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Pairs of independent standard normal numbers (Box and Muller). */
export function normalPairs(seed) {
  const next = uniform(seed);
  return () => {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  };
}

export const FAR = 1e9;

/**
 * The points that descent visits, start first. method: "sgd" | "momentum" | "nesterov". With g the gradient plus noise:
 * v = momentum v + g; then the step is -rate g, -rate v, or -rate (g + momentum v). Ends early beyond FAR.
 */
export function descend({ surface, k = 1, start, method, rate, momentum, noise = 0, seed = 0, steps }) {
  const { value, gradient } = SURFACES[surface];
  const draw = normalPairs(seed);
  const mu = method === "sgd" ? 0 : momentum;
  let [x, y] = start;
  let [vx, vy] = [0, 0];
  const path = [{ x, y, loss: value(x, y, k) }];
  for (let n = 0; n < steps; n++) {
    const [ex, ey] = noise ? draw() : [0, 0];
    const [gx, gy] = gradient(x, y, k).map((g, axis) => g + noise * [ex, ey][axis]);
    [vx, vy] = [mu * vx + gx, mu * vy + gy];
    const [sx, sy] = method === "nesterov" ? [gx + mu * vx, gy + mu * vy] : [vx, vy];
    [x, y] = [x - rate * sx, y - rate * sy];
    const loss = value(x, y, k);
    path.push({ x, y, loss });
    if (!(Math.abs(x) < FAR && Math.abs(y) < FAR && Math.abs(loss) < FAR)) break;
  }
  return path;
}

/** On a quadratic with largest curvature `top`: the rate from which on steps grow instead of shrink. */
export function largestRate(method, momentum, top) {
  if (method === "sgd") return 2 / top;
  return (2 * (1 + momentum)) / top / (method === "nesterov" ? 1 + 2 * momentum : 1);
}

/** How a run ended: kind "diverges", "minimum" (at, lowest), "saddle" (at) or "under way" (steep, the slope there). */
export function outcome(path, { surface, k = 1, rate, momentum = 0, method = "sgd" }) {
  const { gradient, minima, saddles, value } = SURFACES[surface];
  const end = path.at(-1);
  const far = !(Math.abs(end.x) < FAR && Math.abs(end.y) < FAR && Math.abs(end.loss) < FAR);
  const growing = surface === "valley" && rate > largestRate(method, momentum, k) && path.length > 12 && end.loss > path[0].loss;
  if (far || growing) return { kind: "diverges" };
  const near = ([a, b]) => Math.hypot(end.x - a, end.y - b) < 0.02;
  const steep = Math.hypot(...gradient(end.x, end.y, k));
  const [found, saddle] = [minima.find(near), saddles.find(near)];
  if (found) return { kind: "minimum", at: found, lowest: value(...found, k) - lowest(surface, k) < 1e-6 };
  return saddle && steep < 0.02 ? { kind: "saddle", at: saddle } : { kind: "under way", steep };
}
