// The start page: takes a photo (chosen, dropped or pasted), uploads it and shows what came back.

import { analysisView } from "./analysis.js";
import { ApiError, analysisCreate } from "./api.js";
import { confirmAndDelete } from "./delete.js";
import { el } from "./dom.js";
import { clearError, showError } from "./errors.js";
import { showRecent } from "./recent.js";
import { createStage } from "./stage.js";
import { faces } from "./words.js";

const [chooser, drop, file, keep, errorPlace, status, result, recent] =
  ["chooser", "drop", "file", "keep", "error", "status", "result", "recent"].map((id) => document.getElementById(id));

let running = null; // the AbortController of the upload under way
let shownUrl = ""; // the object URL of the photo on the stage
let shownId = ""; // the analysis on the stage

async function analyse(photo) {
  running?.abort();
  const controller = new AbortController();
  running = controller;
  clearError(errorPlace);
  if (photo.size > Number(file.dataset.maxBytes)) {
    reset();
    showError(errorPlace, tooLarge(photo));
    return;
  }
  URL.revokeObjectURL(shownUrl);
  shownUrl = URL.createObjectURL(photo);
  shownId = "";
  const figure = createStage(shownUrl, "The photo that you chose");
  const progress = progressPanel(photo.name, () => controller.abort());
  chooser.hidden = true;
  result.hidden = false;
  result.replaceChildren(el("div", { class: "result" }, figure, progress.panel));
  say("Uploading the photo.");
  try {
    const analysis = await analysisCreate(photo, { keep: keep.checked, onProgress: progress.show, signal: controller.signal });
    if (running !== controller) return;
    shownId = analysis.id;
    const view = analysisView(figure, analysis, actions(analysis));
    result.replaceChildren(view);
    view.querySelector(".side-count").focus({ preventScroll: true });
    say(`${faces(analysis.faces.length)} found.`);
    refreshRecent();
  } catch (error) {
    if (running !== controller) return;
    reset();
    if (error.code === "cancelled") say("Cancelled.");
    else showError(errorPlace, error, () => analyse(photo));
  }
}

/** Told before uploading: a server that refuses a body unread can only hang up. */
function tooLarge(photo) {
  const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
  const message = `This file has ${megabytes(photo.size)}; ${megabytes(file.dataset.maxBytes)} is the most.`;
  return new ApiError(0, "image_too_large", message);
}

/** The upload's share while it is sent, then a running bar while the server works. */
function progressPanel(name, onCancel) {
  const bar = el("progress", { max: "1", value: "0", "aria-label": "Upload" });
  const words = el("p", { class: "progress-words" }, "Uploading…");
  const cancel = el("button", { type: "button", class: "button is-quiet" }, "Cancel");
  cancel.addEventListener("click", onCancel);
  const show = (share) => {
    if (share < 1) {
      bar.value = share;
      words.textContent = `Uploading… ${Math.round(share * 100)} %`;
    } else if (bar.hasAttribute("value")) {
      bar.removeAttribute("value");
      words.textContent = "Finding and describing the faces…";
      say("Uploaded. Finding and describing the faces.");
    }
  };
  const panel = el("div", { class: "side progress" }, el("p", { class: "progress-name" }, name), words, bar, el("p", {}, cancel));
  return { panel, show };
}

function actions(analysis) {
  const another = el("button", { type: "button", class: "button" }, "Another photo");
  another.addEventListener("click", () => {
    reset();
    file.focus();
  });
  const remove = el("button", { type: "button", class: "button is-quiet" }, "Delete");
  remove.addEventListener("click", async () => {
    try {
      if (await confirmAndDelete(analysis.id)) forget(analysis.id);
    } catch (error) {
      showError(errorPlace, error);
    }
  });
  return [another, el("a", { class: "button is-quiet", href: `/analyses/${analysis.id}/` }, "Its own page"), remove];
}

function reset() {
  running = null;
  result.hidden = true;
  result.replaceChildren();
  chooser.hidden = false;
  file.value = "";
}

function forget(id) {
  say("Deleted.");
  if (id === shownId) reset();
  refreshRecent();
}

const refreshRecent = () => showRecent(recent, forget);
const say = (words) => (status.textContent = words);

function take(files) {
  if (files?.length) analyse(files[0]);
}

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

refreshRecent();
take(file.files); // chosen before this script was there
