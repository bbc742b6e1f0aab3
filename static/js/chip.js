// Cuts a face's chip from the photo, upright and at a fixed size, as the server aligns it for the model.

import { el } from "./dom.js";
import { fill, gettext } from "./i18n.js";

export const CHIP_SIZE = 150;
// The landmarks' positions in a chip of side 1, in the API's order; the numbers of TEMPLATE in cv/engine/align.py.
const TEMPLATE = [[0.318, 0.306], [0.677, 0.306], [0.4975, 0.518], [0.338, 0.673], [0.657, 0.673]];

// Beside the face, not in it: an export has what the API answers, and nothing more.
const kept = new WeakMap();

/** Says where the server has a small picture of the face. */
export const keptChip = (face, url) => kept.set(face, url);

/** A canvas that shows the chip when `photo` has loaded; without a photo, the picture that was kept, or null. */
export function chip(face, photo, image, size = CHIP_SIZE) {
  const number = face.index + 1;
  if (!photo && kept.has(face)) {
    return el("img", { class: "chip", src: kept.get(face), width: size, height: size, loading: "lazy", alt: fill(gettext("Face %(number)s"), { number }) });
  }
  if (!photo) return null;
  const canvas = el("canvas", { class: "chip", width: size, height: size, role: "img", hidden: true,
    "aria-label": fill(gettext("Face %(number)s, upright, as the model saw it"), { number }) });
  // One for all faces: each call would decode the photo again.
  photo.decoded ??= photo.decode();
  photo.decoded.then(() => draw(canvas, photo, image, face), () => canvas.remove());
  return canvas;
}

function draw(canvas, photo, image, { landmarks, box }) {
  const shrink = image.width / photo.naturalWidth;
  const { a, b } = similarity(landmarks, shrink, canvas.width);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.setTransform(a[0], a[1], -a[1], a[0], b[0], b[1]);
  // Only the surroundings of the face: the whole photo would be scaled for each.
  const left = Math.max(0, (box.x - box.width) / shrink);
  const top = Math.max(0, (box.y - box.height) / shrink);
  const width = Math.min(photo.naturalWidth - left, (3 * box.width) / shrink);
  const height = Math.min(photo.naturalHeight - top, (3 * box.height) / shrink);
  context.drawImage(photo, left, top, width, height, left, top, width, height);
  canvas.hidden = false;
}

/** The least-squares similarity z ↦ a·z + b, in complex numbers, from the photo's pixels to the chip's. */
function similarity(landmarks, shrink, size) {
  const source = Object.values(landmarks).map((point) => point.map((value) => value / shrink));
  const target = TEMPLATE.map((point) => point.map((value) => value * size));
  const mean = (points, axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  const [sx, sy, tx, ty] = [mean(source, 0), mean(source, 1), mean(target, 0), mean(target, 1)];
  let [real, imaginary, spread] = [0, 0, 0];
  source.forEach(([x, y], index) => {
    const [zx, zy, wx, wy] = [x - sx, y - sy, target[index][0] - tx, target[index][1] - ty];
    real += zx * wx + zy * wy;
    imaginary += zx * wy - zy * wx;
    spread += zx * zx + zy * zy;
  });
  const a = spread > 0 ? [real / spread, imaginary / spread] : [1, 0];
  return { a, b: [tx - a[0] * sx + a[1] * sy, ty - a[1] * sx - a[0] * sy] };
}
