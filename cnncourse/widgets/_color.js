// Colours of values: grey for images, a diverging map around zero for signed numbers.

import { clamp } from "./_math.js";

const NEGATIVE = [118, 42, 131];
const POSITIVE = [0, 120, 84];
const BRIGHT_NEGATIVE = [206, 147, 216];
const BRIGHT_POSITIVE = [72, 207, 160];
const ZERO = { light: [247, 247, 247], dark: [38, 45, 54], night: [8, 11, 15] };

function mix(a, b, t) {
  return a.map((v, k) => Math.round(v + (b[k] - v) * t));
}

/** Grey level of v between low (black) and high (white), as [r, g, b]. */
export function grey(v, low = 0, high = 255) {
  const level = Math.round(255 * clamp((v - low) / (high - low), 0, 1));
  return [level, level, level];
}

/** Purple below zero, green above, as [r, g, b]; zero is the paper: light (false), dark (true) or nearly black ("night"). */
export function signed(v, top, paper) {
  const t = Math.sqrt(clamp(Math.abs(v) / top, 0, 1));
  if (!paper) return mix(ZERO.light, v < 0 ? NEGATIVE : POSITIVE, t);
  return mix(paper === "night" ? ZERO.night : ZERO.dark, v < 0 ? BRIGHT_NEGATIVE : BRIGHT_POSITIVE, paper === "night" ? t ** 1.4 : t);
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
