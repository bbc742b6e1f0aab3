// The row of this visit's photos: thumbnails with their progress; the shown photo is marked.

import { el } from "./dom.js";
import { errorTitle } from "./errors.js";
import { fill, gettext } from "./i18n.js";
import { State, progressWords } from "./photos.js";
import { faces } from "./words.js";

/**
 * Fills `root`; call `update(photos, shown)` after every change, `progress(photo)` after an upload's step. `onPick` gets the photo that was chosen; `onAdd` opens
 * the file dialog.
 */
export function createStrip(root, { onPick, onAdd, tools }) {
  const list = el("ul", { class: "strip-list" });
  const add = el("button", { type: "button", class: "strip-add", title: gettext("Add photos") },
    el("span", { "aria-hidden": "true" }, "+"), el("span", { class: "visually-hidden" }, gettext("Add photos")));
  add.addEventListener("click", onAdd);
  root.append(el("div", { class: "strip-row" }, list, add), el("div", { class: "strip-tools" }, ...tools));
  const items = new Map();

  function item(photo) {
    const button = el("button", { type: "button", class: "thumb" },
      el("img", { src: photo.url, alt: "", class: "thumb-photo", loading: "lazy", decoding: "async" }),
      el("span", { class: "thumb-name small", "aria-hidden": "true" }, photo.name),
      el("progress", { max: "1", "aria-hidden": "true" }),
      el("span", { class: "thumb-words" }));
    button.querySelector("img").addEventListener("error", ({ target }) => (target.hidden = true));
    button.querySelector("img").addEventListener("load", ({ target }) => (target.hidden = false));
    button.addEventListener("click", () => onPick(photo));
    return el("li", {}, button);
  }

  function update(photos, shown) {
    root.hidden = photos.length === 0;
    for (const [photo, node] of items) {
      if (photos.includes(photo)) continue;
      node.remove();
      items.delete(photo);
    }
    for (const photo of photos) {
      if (!items.has(photo)) {
        items.set(photo, item(photo));
        list.append(items.get(photo));
      }
      show(items.get(photo).firstChild, photo, photo === shown);
    }
  }

  /** Only the progress of one photo. */
  function progress(photo) {
    const node = items.get(photo)?.firstChild;
    if (node) show(node, photo, node.getAttribute("aria-pressed") === "true");
  }

  function show(button, photo, isShown) {
    const picture = button.querySelector("img");
    if (picture && photo.url && picture.src !== photo.url) picture.src = photo.url;
    button.className = `thumb is-${photo.state}`;
    button.setAttribute("aria-pressed", String(isShown));
    const bar = button.querySelector("progress");
    bar.hidden = photo.state === State.DONE || photo.state === State.FAILED;
    if (photo.state === State.DESCRIBING) bar.removeAttribute("value");
    else bar.value = photo.share;
    button.querySelector(".thumb-words").textContent = short(photo);
    button.setAttribute("aria-label", fill(gettext("%(name)s: %(words)s"), { name: photo.name, words: short(photo, true) }));
  }

  return { update, progress };
}

function short(photo, whole = false) {
  if (photo.state === State.DONE) return faces(photo.analysis.faces.length);
  if (photo.state === State.FAILED) return whole ? errorTitle(photo.error) : gettext("Failed");
  if (photo.state === State.DESCRIBING && !whole) return gettext("Analyzing…");
  return progressWords(photo);
}
