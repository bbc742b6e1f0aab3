// The start page: takes photos (chosen, dropped, pasted or from the camera), uploads them and shows the results.

import { analysisView } from "./analysis.js";
import { cameraButton } from "./camera.js";
import { confirmAndDelete } from "./delete.js";
import { el } from "./dom.js";
import { clearError, errorBox, errorTitle, showError } from "./errors.js";
import { exportButtons } from "./exports.js";
import { fill, gettext } from "./i18n.js";
import { pairView } from "./pair.js";
import { Photos, State, progressWords } from "./photos.js";
import { enableDelete, showRecent } from "./recent.js";
import { createStrip } from "./strip.js";
import { faces } from "./words.js";

const [chooser, drop, file, keep, camera, stripRoot, errorPlace, status, result, recent] =
  ["chooser", "drop", "file", "keep", "camera", "strip", "error", "status", "result", "recent"].map((id) => document.getElementById(id));

let shown = null; // the photo on the stage
const photos = new Photos({ onChange: changed, keep: () => keep.checked, maxBytes: Number(file.dataset.maxBytes) });
const say = (words) => (status.textContent = words);
const failed = (error) => showError(errorPlace, error);

const sideBySide = el("button", { type: "button", class: "button is-quiet" }, gettext("Side by side"));
sideBySide.addEventListener("click", () => {
  const first = shown?.state === State.DONE ? shown : photos.done[0];
  result.replaceChildren(pairView(photos.done, first));
  shown = null;
  refresh();
});
const startOver = el("button", { type: "button", class: "button is-quiet" }, gettext("Start over"));
startOver.addEventListener("click", () => {
  [...photos.all].forEach((photo) => photos.remove(photo));
  show(null);
  file.focus();
});
const all = () => photos.done.map(({ name, analysis }) => [name, analysis]);
const strip = createStrip(stripRoot, { onPick: show, onAdd: () => file.click(), tools: [sideBySide, ...exportButtons(all, failed, true), startOver] });

async function take(files) {
  const adding = photos.add(files ?? []);
  file.value = "";
  const added = await adding;
  if (added.length === 0) return;
  clearError(errorPlace);
  show(shown?.state === State.DONE ? added[0] : shown ?? added[0]);
  // Only now: a photo that is refused at once replaces what is shown.
  photos.next();
}

/** Shows a photo on the stage, or the chooser if there is no photo. */
function show(photo) {
  shown = photo;
  chooser.hidden = photos.all.length > 0;
  result.hidden = photo === null;
  if (photo === null) result.replaceChildren();
  else result.replaceChildren(viewOf(photo));
  refresh();
}

function refresh() {
  strip.update(photos.all, shown);
  // For one photo, the buttons beside it do the same.
  for (const button of stripRoot.querySelectorAll(".strip-tools button")) button.hidden = button !== startOver && photos.done.length < 2;
}

/** Updates the page after a photo's progress; `moved` says whether its state changed. */
function changed(photo, moved) {
  refresh();
  if (moved && photo.state === State.FAILED && photos.all.length === 1) {
    // The only photo failed: show the chooser again, with the error and a button to retry.
    photos.remove(photo);
    show(null);
    showError(errorPlace, photo.error, () => take([photo.file]));
    return;
  }
  if (photo === shown) {
    if (moved) show(photo);
    else showProgress(photo);
  }
  if (!moved) return;
  if (photo.state === State.FAILED) say(fill(gettext("%(name)s: %(words)s"), { name: photo.name, words: errorTitle(photo.error) }));
  if (photo.state === State.DESCRIBING) say(gettext("Uploaded. Finding and analyzing the faces."));
  if (photo.state !== State.DONE) return;
  say(fill(gettext("%(faces)s found."), { faces: faces(photo.analysis.faces.length) }));
  // Only if the focused element was removed, so that the focus is never taken from another control.
  if (photo === shown && document.activeElement === document.body) result.querySelector(".side-count").focus({ preventScroll: true });
  showRecent(recent);
}

function viewOf(photo) {
  if (photo.state === State.FAILED) return errorBox(photo.error, () => photos.retry(photo), photo.name);
  if (photo.state === State.DONE) {
    photo.view ??= analysisView(photo.figure, photo.analysis, { actions: actions(photo), recipeOf: { photoName: photo.name, keep: photo.keep } });
    return photo.view;
  }
  photo.progress ??= progressPanel(photo);
  showProgress(photo);
  return el("div", { class: "result" }, photo.figure, photo.progress);
}

function progressPanel(photo) {
  const cancel = el("button", { type: "button", class: "button is-quiet" }, gettext("Cancel"));
  cancel.addEventListener("click", () => {
    photos.remove(photo);
    show(photos.all[0] ?? null);
    say(gettext("Cancelled."));
  });
  return el("div", { class: "side progress" },
    el("p", { class: "progress-name" }, photo.name), el("p", { class: "progress-words" }),
    el("progress", { max: "1", "aria-label": gettext("Upload") }), el("p", {}, cancel));
}

/** Shows the share uploaded, then an indeterminate bar while the server works. */
function showProgress(photo) {
  const bar = photo.progress.querySelector("progress");
  if (photo.state === State.DESCRIBING) bar.removeAttribute("value");
  else bar.value = photo.share;
  photo.progress.querySelector(".progress-words").textContent = progressWords(photo);
}

function actions(photo) {
  const { analysis, name } = photo;
  const remove = el("button", { type: "button", class: "button is-quiet" }, gettext("Delete"));
  remove.addEventListener("click", async () => {
    try {
      if (await confirmAndDelete([analysis.id])) forget(analysis.id);
    } catch (error) {
      failed(error);
    }
  });
  const own = el("a", { class: "button is-quiet", href: `/analyses/${analysis.id}/` }, gettext("Open its page"));
  return [...exportButtons(() => [[name, analysis]], failed), own, remove];
}

/** Removes the photo of a deleted analysis. */
function forget(id) {
  say(gettext("Deleted."));
  const photo = photos.done.find(({ analysis }) => analysis.id === id);
  if (photo) {
    photos.remove(photo);
    show(photos.all[0] ?? null);
  }
  return showRecent(recent).then(() => recent.closest("section").querySelector("h2").focus());
}

enableDelete(recent, { onDelete: forget, onError: failed });
cameraButton(camera, { onPhoto: (photo) => take([photo]), onError: failed });
file.addEventListener("change", () => take(file.files));
document.addEventListener("paste", (event) => take(event.clipboardData?.files));
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("is-over");
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) drop.classList.remove("is-over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("is-over");
  take(event.dataTransfer?.files);
});

showRecent(recent);
take(file.files); // chosen before this script was loaded
