// Colours of values: grey for images, a diverging map around zero for signed numbers.

const NEGATIVE = [118, 42, 131];
const POSITIVE = [0, 120, 84];
const ZERO = { light: [247, 247, 247], dark: [38, 45, 54] };
const BRIGHT = { negative: [206, 147, 216], positive: [72, 207, 160] };

function mix(a, b, t) {
  return a.map((v, k) => Math.round(v + (b[k] - v) * t));
}

function clamp(v, low, high) {
  return Math.min(high, Math.max(low, v));
}

/** Grey level of v between low (black) and high (white), as [r, g, b]. */
export function grey(v, low = 0, high = 255) {
  const level = Math.round(255 * clamp((v - low) / (high - low), 0, 1));
  return [level, level, level];
}

/** Purple below zero, green above, the paper's colour at zero, as [r, g, b]. */
export function signed(v, top, dark) {
  const t = Math.sqrt(clamp(Math.abs(v) / top, 0, 1));
  const negative = dark ? BRIGHT.negative : NEGATIVE;
  const positive = dark ? BRIGHT.positive : POSITIVE;
  return mix(dark ? ZERO.dark : ZERO.light, v < 0 ? negative : positive, t);
}

export function css([r, g, b]) {
  return `rgb(${r} ${g} ${b})`;
}

/** Black or white, whichever reads better on [r, g, b]. */
export function inkOn([r, g, b]) {
  const linear = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  const luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return luminance > 0.18 ? "#000" : "#fff";
}
