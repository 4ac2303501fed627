"""Contrast of letters drawn in SVG with a shape or panel that lies behind them."""

from __future__ import annotations

from typing import Any

_RATIOS = """([texts, behind]) => {
  const rgb = (text) => {
    const v = text.match(/[\\d.]+/g).map(Number);
    return text.startsWith("color(") ? v.slice(0, 3).map((c) => c * 255) : v.slice(0, 3);
  };
  const light = (c) => c.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const back = document.querySelector(behind);
  const style = getComputedStyle(back);
  const paper = light(rgb(back.closest("svg") ? style.fill : style.backgroundColor));
  return [...document.querySelectorAll(texts)].map((node) => {
    const ink = light(rgb(getComputedStyle(node).fill));
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  });
}"""


def lowest_contrast(page: Any, texts: str, behind: str) -> float:
    """The least contrast of all `texts` with what `behind` is filled with; there must be such texts."""
    ratios = page.evaluate(_RATIOS, [texts, behind])
    assert ratios, f"nothing matches {texts}"
    return float(min(ratios))
