// The start page: takes photos, uploads them and shows the results.

import { analysisView } from "./analysis.js";
import { confirmAndDelete } from "./delete.js";
import { el } from "./dom.js";
import { clearError, cannotPass, errorBox, errorTitle, showError } from "./errors.js";
import { exportButtons } from "./exports.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { pairView } from "./pair.js";
import { rememberName } from "./names.js";
import { Photos, State, progressWords } from "./photos.js";
import { enableDelete, showRecent } from "./recent.js";
import { takePhotos } from "./sources.js";
import { createStage } from "./stage.js";
import { createStrip } from "./strip.js";
import { faces } from "./words.js";

const [chooser, file, keep, subject, stripRoot, errorPlace, status, result, recent] =
  ["chooser", "file", "keep", "subject", "strip", "error", "status", "result", "recent"].map((id) => document.getElementById(id));

let shown = null; // the photo on the stage
const photos = new Photos({ onChange: changed, onPause: paused, how, maxBytes: Number(file.dataset.maxBytes) });
const say = (words) => (status.textContent = words);
const failed = (error) => showError(errorPlace, error);

/** The names of the outputs to ask for, as the API takes them; empty for the default ones. */
function asked() {
  const also = document.getElementById("also");
  const further = [...(also?.querySelectorAll(":checked") ?? [])].map(({ value }) => value);
  return further.length ? [also.dataset.defaults, ...further].filter(Boolean).join(",") : "";
}

/** What to ask about the next photos, and what to keep. */
function how() {
  const store = keep.querySelector("input[name=store]:checked").value;
  const kept = store !== "nothing";
  const chips = store === "answers" && Boolean(document.getElementById("chips")?.checked);
  return { store, chips, attributes: asked(), subject: kept ? subject.value.trim() : "", vectors: kept && Boolean(document.getElementById("vectors")?.checked) };
}

const sideBySide = tool(gettext("Side by side"), () => {
  const first = shown?.state === State.DONE ? shown : photos.done[0];
  result.replaceChildren(pairView(photos.done, first));
  shown = null;
  refresh();
});
const retryAll = tool("", () => photos.retry(...photos.failed));
const startOver = tool(gettext("Start over"), () => {
  [...photos.all].forEach((photo) => photos.remove(photo));
  show(null);
  file.focus();
});
const stored = () => photos.done.filter(({ analysis }) => analysis.id);
const exports = exportButtons(() => photos.done.map(({ name, analysis }) => [name, analysis]), failed, true);
const strip = createStrip(stripRoot, { onPick: show, onAdd: () => file.click(), tools: [retryAll, sideBySide, ...exports, startOver] });

function tool(words, act) {
  const button = el("button", { type: "button", class: "button is-quiet" }, words);
  button.addEventListener("click", act);
  return button;
}

async function take(files) {
  begin(await photos.add(files));
}

function begin(added) {
  clearError(errorPlace);
  show(shown && shown.state !== State.DONE ? shown : added[0]);
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
  const several = photos.done.length > 1;
  const again = photos.failed.length;
  retryAll.hidden = again < 2;
  retryAll.textContent = fill(ngettext("Try %(count)s again", "Try %(count)s again", again), { count: again });
  sideBySide.hidden = !several;
  const [json, csv] = exports;
  // For one photo, the buttons beside it do the same. The server makes the table, of what it keeps.
  json.hidden = !several;
  csv.hidden = !several || stored().length < photos.done.length;
}

/** Updates the page after a photo's progress; `moved` says whether its state changed. */
function changed(photo, moved) {
  if (!moved) {
    strip.progress(photo);
    if (photo === shown) showProgress(photo);
    return;
  }
  refresh();
  if (photo.state === State.FAILED && photos.all.length === 1) {
    // The only photo failed: show the chooser again, with the error and, if it can help, a button to retry.
    photos.remove(photo);
    show(null);
    const again = () => (photo.file ? take([photo.file]) : begin([photos.addAddress(photo.address)]));
    showError(errorPlace, photo.error, cannotPass(photo.error) ? null : again, photo.name);
    return;
  }
  if (photo === shown) show(photo);
  if (photo.state === State.FAILED) say(fill(gettext("%(name)s: %(words)s"), { name: photo.name, words: errorTitle(photo.error) }));
  if (photo.state === State.DESCRIBING) say(gettext("Uploaded. Finding and analyzing the faces."));
  if (photo.state !== State.DONE) return;
  if (photo.analysis.id && photo.file) rememberName(photo.analysis.id, photo.name);
  say(fill(gettext("%(faces)s found."), { faces: faces(photo.analysis.faces.length) }));
  // Only if the focused element was removed, so that the focus is never taken from another control.
  if (photo === shown && document.activeElement === document.body) result.querySelector(".side-count").focus({ preventScroll: true });
  if (photo.analysis.id) showRecent(recent);
}

/** Says why the photos wait, or that they go on. */
function paused(error) {
  clearError(errorPlace);
  if (!error) return;
  showError(errorPlace, error, () => photos.resume());
  const left = photos.open.length;
  errorPlace.querySelector(".notice").append(el("p", { class: "small" },
    fill(ngettext("%(count)s photo waits and goes on afterwards.", "%(count)s photos wait and go on afterwards.", left), { count: left })));
}

function viewOf(photo) {
  if (photo.state === State.FAILED) return failure(photo);
  // The server first fetches the photo at an address.
  photo.figure ??= photo.url ? createStage(photo.url, photo.name) : null;
  if (photo.state === State.DONE) {
    const { name: photoName, address, store, attributes } = photo;
    photo.view ??= analysisView(photo.figure, photo.analysis, { actions: actions(photo), recipeOf: { photoName, address, store, attributes }, known: photo.analysis.id ? {} : null });
    return photo.view;
  }
  photo.progress ??= progressPanel(photo);
  showProgress(photo);
  return el("div", { class: "result" }, photo.figure ?? el("div", { class: "stage" }), photo.progress);
}

function failure(photo) {
  const box = errorBox(photo.error, () => photos.retry(photo), photo.name);
  const remove = tool(gettext("Remove"), () => {
    photos.remove(photo);
    show(photos.all[0] ?? null);
  });
  box.append(el("p", { class: "error-buttons" }, remove));
  return box;
}

function progressPanel(photo) {
  const cancel = tool(gettext("Cancel"), () => {
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
  if (!photo.progress) return;
  const bar = photo.progress.querySelector("progress");
  if (photo.state === State.DESCRIBING) bar.removeAttribute("value");
  else bar.value = photo.share;
  photo.progress.querySelector(".progress-words").textContent = progressWords(photo);
}

function actions(photo) {
  const { analysis, name } = photo;
  const [json, csv] = exportButtons(() => [[name, analysis]], failed);
  if (!analysis.id) return [json, el("span", { class: "muted small" }, gettext("Nothing was kept."))];
  const remove = tool(gettext("Delete"), async () => {
    try {
      if (await confirmAndDelete([analysis.id])) forget(analysis.id);
    } catch (error) {
      failed(error);
    }
  });
  const own = el("a", { class: "button is-quiet", href: `/analyses/${analysis.id}/` }, gettext("Open its page"));
  return [json, csv, own, remove];
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

keep.addEventListener("change", () => {
  const { store } = how();
  document.getElementById("subject-field").hidden = store === "nothing";
  // The whole picture has the faces in it.
  if (document.getElementById("chips-field")) document.getElementById("chips-field").hidden = store !== "answers";
});
// Also when the browser restores an earlier choice.
window.addEventListener("pageshow", () => keep.dispatchEvent(new Event("change")));
// After a log-in in another tab.
document.addEventListener("visibilitychange", () => document.hidden || photos.resume());
window.addEventListener("beforeunload", (event) => photos.open.length && event.preventDefault());

showRecent(recent);
enableDelete(recent, { onDelete: forget, onError: failed });
takePhotos({ onFiles: take, onAddress: (address) => begin([photos.addAddress(address)]), onError: failed });
