// The list of the last analyses: a small sketch of where the faces were, when it was, and a way to delete it.

import { analysisList } from "./api.js";
import { confirmAndDelete } from "./delete.js";
import { el, place } from "./dom.js";
import { showError } from "./errors.js";
import { capitalised, faces, when } from "./words.js";

const SHOWN = 12;

/** Fills `root` with the visitor's last analyses; `onDelete` is told the id of one that was deleted. */
export async function showRecent(root, onDelete) {
  let analyses;
  try {
    analyses = (await analysisList()).results.slice(0, SHOWN);
  } catch (error) {
    showError(root, error, () => showRecent(root, onDelete));
    return;
  }
  if (analyses.length === 0) {
    root.replaceChildren(el("p", { class: "muted" }, "None yet. Your first one will be here."));
    return;
  }
  root.replaceChildren(el("ul", { class: "recent-list" }, ...analyses.map((analysis) => row(analysis, root, onDelete))));
}

function row(analysis, root, onDelete) {
  const time = when(analysis.created_at);
  const remove = el("button", { type: "button", class: "icon-button", "aria-label": `Delete the analysis of ${time}`, title: "Delete" }, "×");
  remove.addEventListener("click", async () => {
    try {
      if (!(await confirmAndDelete(analysis.id))) return;
    } catch (error) {
      showError(root, error, () => showRecent(root, onDelete));
      return;
    }
    onDelete(analysis.id);
    await showRecent(root, onDelete);
    root.closest("section").querySelector("h2").focus();
  });
  return el("li", { class: "recent-row" },
    el("a", { class: "recent-link", href: `/analyses/${analysis.id}/` },
      sketch(analysis),
      el("span", { class: "recent-words" },
        el("span", { class: "recent-what" }, describe(analysis.faces)),
        el("time", { class: "muted small", datetime: analysis.created_at }, time))),
    remove);
}

function describe(found) {
  if (found.length !== 1) return faces(found.length);
  const { gender, age } = found[0].attributes;
  return [gender && capitalised(gender.label), age && `about ${Math.round(age.value)}`].filter(Boolean).join(", ") || faces(1);
}

/** The picture's proportions with its face boxes: needs no picture, so nothing has to be kept for it. */
function sketch({ image, faces: found }) {
  const sheet = el("span", { class: image.width >= image.height ? "sketch is-wide" : "sketch" });
  sheet.style.aspectRatio = `${image.width} / ${image.height}`;
  for (const { box } of found) {
    sheet.append(place(el("span", { class: "sketch-face" }), {
      left: (box.x / image.width) * 100,
      top: (box.y / image.height) * 100,
      width: (box.width / image.width) * 100,
      height: (box.height / image.height) * 100,
    }));
  }
  return el("span", { class: "sketch-frame", "aria-hidden": "true" }, sheet);
}
