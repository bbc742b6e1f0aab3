// Zooms and pans the photo on the stage: buttons, Ctrl and the wheel, two fingers, a double click, dragging.

import { el } from "./dom.js";
import { gettext } from "./i18n.js";

const MOST = 12;
const STEP = 1.5;

/** Puts the buttons below `stage`, where they cover no face; `plane` is what grows in it. `stage.showFace(mark)` brings a mark into view. */
export function zoomable(stage, plane) {
  if (stage.showFace) return;
  let zoom = 1;
  let [x, y] = [0, 0]; // the plane's corner, in shares of the stage
  const tools = el("div", { class: "zoom" },
    tool("+", gettext("Zoom in"), () => zoomTo(zoom * STEP)),
    tool("−", gettext("Zoom out"), () => zoomTo(zoom / STEP)),
    tool("⤢", gettext("Whole photo"), () => zoomTo(1)));
  stage.after(tools);

  function apply() {
    [x, y] = [x, y].map((corner) => Math.min(0, Math.max(1 - zoom, corner)));
    Object.assign(plane.style, { width: `${zoom * 100}%`, height: `${zoom * 100}%`, left: `${x * 100}%`, top: `${y * 100}%` });
    stage.classList.toggle("is-zoomed", zoom > 1);
    const [more, less, whole] = tools.children;
    more.disabled = zoom >= MOST;
    less.disabled = whole.disabled = zoom <= 1;
  }

  /** Zooms so that the point `at`, in shares of the stage, stays where it is. */
  function zoomTo(wanted, at = [0.5, 0.5]) {
    const next = Math.min(MOST, Math.max(1, wanted));
    [x, y] = [x, y].map((corner, axis) => at[axis] - ((at[axis] - corner) / zoom) * next);
    zoom = next;
    apply();
  }

  function pointIn({ clientX, clientY }) {
    const { left, top, width, height } = stage.getBoundingClientRect();
    return [(clientX - left) / width, (clientY - top) / height];
  }

  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoomTo(zoom * Math.exp(-event.deltaY / 200), pointIn(event));
  }, { passive: false });
  stage.addEventListener("dblclick", (event) => zoomTo(zoom > 1 ? 1 : 3, pointIn(event)));

  const fingers = new Map();
  stage.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, pointIn(event));
  });
  window.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before || (zoom === 1 && fingers.size < 2)) return;
    const now = pointIn(event);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
      zoomTo((zoom * apart(now)) / Math.max(0.01, apart(before)), [0, 1].map((axis) => (now[axis] + other[axis]) / 2));
    } else {
      [x, y] = [x + now[0] - before[0], y + now[1] - before[1]];
      apply();
    }
    fingers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, (event) => fingers.delete(event.pointerId));

  stage.showFace = (mark) => {
    if (zoom === 1) return;
    const middle = (corner, side) => (parseFloat(mark.style[corner]) + parseFloat(mark.style[side]) / 2) / 100;
    [x, y] = [0.5 - middle("left", "width") * zoom, 0.5 - middle("top", "height") * zoom];
    apply();
  };
  apply();
}

function tool(sign, words, act) {
  const button = el("button", { type: "button", title: words, "aria-label": words }, sign);
  button.addEventListener("click", act);
  return button;
}
