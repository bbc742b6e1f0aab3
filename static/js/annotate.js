// Downloads pictures: the photo with its boxes, and single chips.

import { gettext } from "./i18n.js";
import { el } from "./dom.js";

/** Saves a blob as a file. */
export function download(name, blob) {
  const href = URL.createObjectURL(blob);
  el("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}

export function saveCanvas(canvas, name) {
  canvas.toBlob((blob) => download(name, blob), name.endsWith(".png") ? "image/png" : "image/jpeg", 0.92);
}

/** A button that saves the photo with a numbered box over each face. */
export function annotatedButton(photo, { image, faces }) {
  const button = el("button", { type: "button", class: "button is-quiet", title: gettext("Save the photo with its boxes") }, gettext("Photo with boxes"));
  button.addEventListener("click", async () => {
    await photo.decode();
    saveCanvas(annotated(photo, image, faces), "xcloud-boxes.jpg");
  });
  return button;
}

function annotated(photo, image, faces) {
  const canvas = Object.assign(document.createElement("canvas"), { width: photo.naturalWidth, height: photo.naturalHeight });
  const context = canvas.getContext("2d");
  context.drawImage(photo, 0, 0);
  const scale = photo.naturalWidth / image.width;
  for (const { index, box } of faces) {
    const [x, y, width, height] = [box.x, box.y, box.width, box.height].map((value) => value * scale);
    const side = Math.min(width, height);
    const pen = Math.max(1, side * 0.03);
    const letter = Math.max(9, side * 0.16);
    for (const [colour, line] of [["rgb(0 0 0 / 60%)", pen * 2], ["#fff", pen]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: line });
      context.strokeRect(x, y, width, height);
    }
    const number = String(index + 1);
    context.font = `700 ${letter}px sans-serif`;
    const tag = context.measureText(number).width + letter * 0.6;
    const [left, top] = [Math.min(Math.max(0, x), canvas.width - tag), Math.max(0, y - (side < 80 ? letter * 1.2 : 0))];
    context.fillStyle = "#fff";
    context.fillRect(left, top, tag, letter * 1.2);
    context.fillStyle = "#17201f";
    context.fillText(number, left + letter * 0.3, top + letter);
  }
  return canvas;
}
