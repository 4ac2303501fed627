// Lines of equal height through a field on a regular grid, by marching squares.

/** Values of f on a grid: rows[j][i] = f(x_i, y_j) with nx by ny points over x = [x0, x1], y = [y0, y1]. */
export function fieldOf(f, { x, y }, nx, ny) {
  const at = (range, k, n) => range[0] + ((range[1] - range[0]) * k) / (n - 1);
  return Array.from({ length: ny }, (_, j) => Array.from({ length: nx }, (_, i) => f(at(x, i, nx), at(y, j, ny))));
}

/** Heights for `count` lines between the lowest and the highest value, closer together near the bottom. */
export function heights(low, high, count, power = 2.2) {
  return Array.from({ length: count }, (_, n) => low + (high - low) * ((n + 1) / (count + 1)) ** power);
}

// Corners of a cell: 0 (i, j), 1 (i+1, j), 2 (i+1, j+1), 3 (i, j+1); side s runs from corner s to corner s + 1.
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];

/** Line pieces [[i, j], [i, j]] in grid units on which the field is `level`. */
export function contour(field, level) {
  const pieces = [];
  for (let j = 0; j + 1 < field.length; j++) {
    for (let i = 0; i + 1 < field[0].length; i++) {
      const v = CORNERS.map(([di, dj]) => field[j + dj][i + di]);
      const crossings = [];
      for (let side = 0; side < 4; side++) {
        const [a, b] = [v[side], v[(side + 1) % 4]];
        if (a < level === b < level) continue;
        const t = (level - a) / (b - a);
        const [from, to] = [CORNERS[side], CORNERS[(side + 1) % 4]];
        crossings.push([i + from[0] + t * (to[0] - from[0]), j + from[1] + t * (to[1] - from[1])]);
      }
      if (crossings.length === 2) pieces.push(crossings);
      if (crossings.length === 4) {
        const middle = (v[0] + v[1] + v[2] + v[3]) / 4;
        const [a, b, c, d] = crossings;
        pieces.push(...(v[0] < level === middle < level ? [[a, b], [c, d]] : [[d, a], [b, c]]));
      }
    }
  }
  return pieces;
}
