// The whole photograph, small, with a frame around the patch in use. Drag the frame or use the arrow keys.

import { arrow, fingerDrags, h, uid } from "./_ui.js";

/** onMove([top, left]). Returns {el, show(state)}; nothing is shown when the patch is the whole photograph. */
export function navigator({ state, onMove, signal }) {
  const { height, width, photo, size } = state;
  const label = uid("photo");
  const canvas = h("canvas", { width, height });
  const frame = h("div", { class: "cnnw-crop" });
  const stage = h("div", { class: "cnnw-photo", role: "application", tabindex: 0, "aria-labelledby": label }, canvas, frame);
  const el = h("div", { class: "cnnw-navigator" }, stage, h("p", { id: label, text: "Drag the frame to another patch" }));
  el.hidden = height === size[0] && width === size[1];
  const pixels = new ImageData(width, height);
  photo.flat().forEach((v, k) => pixels.data.set([v, v, v, 255], 4 * k));
  canvas.getContext("2d").putImageData(pixels, 0, 0);

  let now = state.corner;
  const move = (top, left) => {
    const corner = [Math.min(height - size[0], Math.max(0, top)), Math.min(width - size[1], Math.max(0, left))];
    if (corner[0] !== now[0] || corner[1] !== now[1]) onMove(corner);
  };
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    const row = ((event.clientY - box.top) / box.height) * height;
    const column = ((event.clientX - box.left) / box.width) * width;
    move(Math.round(row - size[0] / 2), Math.round(column - size[1] / 2));
  };
  fingerDrags(stage);
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    point(event);
  }, { signal });
  stage.addEventListener("pointermove", (event) => stage.hasPointerCapture(event.pointerId) && point(event), { signal });
  stage.addEventListener("keydown", (event) => {
    const step = arrow(event);
    if (!step) return;
    event.preventDefault();
    const far = event.shiftKey ? 8 : 1;
    move(now[0] + far * step[0], now[1] + far * step[1]);
  }, { signal });
  const show = ({ corner }) => {
    now = corner;
    frame.style.cssText = `top:${(100 * corner[0]) / height}%;left:${(100 * corner[1]) / width}%;` +
      `height:${(100 * size[0]) / height}%;width:${(100 * size[1]) / width}%`;
  };
  return { el, show };
}
