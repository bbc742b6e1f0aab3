// The points of a face, drawn over the photo, with the lines between them if their scheme is known.

import { svgEl } from "./dom.js";

const from = (first, last, closed = false) => {
  const path = Array.from({ length: last - first + 1 }, (_, step) => first + step);
  return closed ? [...path, first] : path;
};
// Jaw, brows, nose, eyes, lips.
const IBUG68 = [
  from(0, 16), from(17, 21), from(22, 26), from(27, 30), from(31, 35),
  from(36, 41, true), from(42, 47, true), from(48, 59, true), from(60, 67, true),
];
// The mesh's lines are many, and most pages need none.
const PATHS = { ibug68: async () => IBUG68, mesh468: async () => (await import("./mesh_lines.js")).MESH_PATHS };

/** An answer of points, over a face's box as `inside` of stage.js gives it. */
export function drawPoints({ scheme, points }, { left, top, width, height }) {
  const svg = svgEl("svg", { class: "mesh", viewBox: `${left} ${top} ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const line = svg.appendChild(svgEl("path", {}));
  const draw = (paths) => line.setAttribute("d", paths.map((path) => `M${path.map((at) => points[at].join(" ")).join("L")}`).join(""));
  // Without lines, a point is one without length.
  const dots = points.map((_, at) => [at, at]);
  (PATHS[scheme]?.() ?? Promise.resolve(dots)).then(draw, () => draw(dots));
  return svg;
}
