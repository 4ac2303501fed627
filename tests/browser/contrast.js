// Contrast of every element that holds text itself, against the opaque colour behind it: the ones below WCAG AA.
() => {
  const numbers = (text) => text.match(/[\d.]+/g).map(Number);
  const rgba = (text) => {
    const v = numbers(text);
    return text.startsWith("color(") ? [v[0] * 255, v[1] * 255, v[2] * 255, v[3] ?? 1] : [v[0], v[1], v[2], v[3] ?? 1];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const linear = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    const stack = [];
    for (let e = element; e; e = e.parentElement) {
      stack.push(rgba(getComputedStyle(e).backgroundColor));
      if (stack.at(-1)[3] === 1) break;
    }
    return stack.reverse().reduce((below, colour) => over(colour, below), [255, 255, 255, 1]);
  };
  const left_out = "svg, mjx-container, .widget-subarea, script, style, [aria-hidden=true], .headerlink, button.copybtn";
  const bad = [];
  for (const e of document.querySelectorAll("body *")) {
    if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest(left_out)) continue;
    if (![...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    const style = getComputedStyle(e), paper = behind(e), ink = over(rgba(style.color), paper);
    const [high, low] = [light(ink), light(paper)].sort((a, b) => b - a), ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) {
      bad.push([ratio.toFixed(2), e.tagName, String(e.className).slice(0, 40), e.textContent.trim().slice(0, 40)]);
    }
  }
  return bad;
}
