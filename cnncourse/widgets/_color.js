// Colours of values: grey for images, a diverging map around zero for signed numbers.

import { clamp } from "./_math.js";

// Blue below zero, red above, as the signed maps of cnncourse.plot; brighter on dark paper.
const ENDS = {
  light: { below: [33, 102, 172], zero: [247, 247, 247], above: [178, 24, 43], power: 0.75 },
  dark: { below: [98, 176, 240], zero: [38, 45, 54], above: [250, 128, 108], power: 0.75 },
  night: { below: [84, 172, 255], zero: [8, 11, 15], above: [255, 126, 84], power: 0.95 },
};

function mix(a, b, t) {
  return a.map((v, k) => Math.round(v + (b[k] - v) * t));
}

/** Grey level of v between low (black) and high (white), as [r, g, b]. */
export function grey(v, low = 0, high = 255) {
  const level = Math.round(255 * clamp((v - low) / (high - low), 0, 1));
  return [level, level, level];
}

/** Colour of a signed v between -top and top, as [r, g, b], on "light", "dark" or (nearly black) "night" paper. */
export function signed(v, top, paper) {
  const { below, zero, above, power } = ENDS[paper];
  return mix(zero, v < 0 ? below : above, clamp(Math.abs(v) / top, 0, 1) ** power);
}

/** A strip of the signed colours from -1 to 1, as a CSS background. */
export function signedStrip(paper) {
  const stops = Array.from({ length: 13 }, (_, k) => css(signed(k / 6 - 1, 1, paper)));
  return `linear-gradient(90deg, ${stops.join(", ")})`;
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
