// The page from which pictures go out: takes a photo, shows what becomes of it, and saves that.

import { ApiError } from "./api.js";
import { clearError, showError } from "./errors.js";
import { hidePanel } from "./hide.js";
import { gettext } from "./i18n.js";
import { takeOnePhoto } from "./one_photo.js";
import { portraitPanel } from "./portrait.js";
import { createStage } from "./stage.js";
import { tabbed } from "./tabs.js";

const [chooser, error, work, stage, tools, status, save, other] = ["drop", "error", "work", "stage", "tools", "status", "save", "other"].map((id) => document.getElementById(id));

let photo = null;
let figure = null;
// The picture that is asked for last; answers to earlier requests are dropped.
let asked = 0;

/** Asks `make` for the picture as a blob, shows it, and then `done` gets the figure. */
async function show(make, done) {
  const mine = ++asked;
  clearError(error);
  work.setAttribute("aria-busy", "true");
  try {
    const picture = await make(photo);
    if (mine !== asked) return;
    await put(picture);
    done(figure);
  } catch (problem) {
    if (mine !== asked) return;
    status.textContent = "";
    save.removeAttribute("href");
    showError(error, problem, () => show(make, done));
  } finally {
    if (mine === asked) work.removeAttribute("aria-busy");
  }
}

async function put(picture) {
  const url = URL.createObjectURL(picture);
  const shown = figure?.querySelector(".stage-photo");
  if (shown) {
    const old = shown.src;
    shown.src = url;
    await shown.decode();
    URL.revokeObjectURL(old);
  } else {
    figure = createStage(url, gettext("The picture as it will be saved"));
    stage.replaceChildren(figure);
  }
  save.href = url;
  save.download = `${photo.name.replace(/\.[^.]*$/, "")}-${panel.ending}.${picture.type.split("/")[1].replace("jpeg", "jpg")}`;
  work.hidden = false;
}

const say = (words) => (status.textContent = words);
const panels = [hidePanel({ show, say }), portraitPanel({ show, say })];
let panel = panels[0];
const titles = [gettext("Hide faces"), gettext("Portrait")];
tools.replaceChildren(...tabbed(gettext("What becomes of the photo"), panels.map(({ element }, index) => [titles[index], element]), (index) => {
  panel = panels[index];
  panel.begin();
}));

function begin(file) {
  const most = Number(document.getElementById("file").dataset.maxBytes);
  photo = file;
  figure = null;
  stage.replaceChildren();
  work.hidden = true;
  document.querySelector(".pictures-chooser").hidden = true;
  if (file.size > most) {
    again();
    showError(error, new ApiError(0, "image_too_large", gettext("The file is too large.")));
    return;
  }
  status.textContent = "";
  work.hidden = false;
  save.removeAttribute("href");
  panel.begin();
}

function again() {
  asked += 1;
  photo = null;
  work.hidden = true;
  clearError(error);
  document.querySelector(".pictures-chooser").hidden = false;
}

other.addEventListener("click", () => {
  again();
  document.getElementById("file").focus();
});
takeOnePhoto(chooser, { onPhoto: begin, onError: (problem) => showError(error, problem) });
