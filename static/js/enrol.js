// Enrols people from photos: one line a photo, with its person's name, and what the server says against it.

import { faceEnrol, facesFind } from "./collections.js";
import { el } from "./dom.js";
import { errorBox } from "./errors.js";
import { fill, gettext } from "./i18n.js";
import { createStage, drawFaces } from "./stage.js";
import { stillUrl } from "./still.js";

// Refusals that a person may overrule after a look.
const OVERRULED = new Set(["low_quality", "far_from_subject", "belongs_to_another"]);

/** A line to enrol a photo; `onEnrolled` gets the name. `line.enrol()` does it and never rejects. */
export async function enrolLine(file, { id, consent, onEnrolled }) {
  const name = el("input", { maxlength: "200", autocomplete: "off", value: proposed(file.name), "aria-label": gettext("Name of the person"), placeholder: gettext("Name of the person") });
  const button = el("button", { class: "button is-quiet" }, gettext("Enrol"));
  const drop = el("button", { type: "button", class: "icon-button", title: gettext("Leave out"), "aria-label": fill(gettext("Leave out %(name)s"), { name: file.name }) }, "×");
  const form = el("form", { class: "enrol-form" }, name, button, drop);
  const said = el("div", { class: "enrol-said", role: "alert" });
  const url = await stillUrl(file);
  const picture = el("img", { class: "enrol-photo", src: url, alt: "" });
  // Whatever it is, the server says it; a torn picture says nothing.
  picture.addEventListener("error", () => picture.removeAttribute("src"));
  const line = el("li", { class: "enrol-line" }, picture, el("div", { class: "enrol-words" }, form, said));
  let face = null;
  let accept = [];

  async function enrol() {
    const subject = name.value.trim();
    if (!subject) return name.focus();
    said.replaceChildren();
    form.inert = true;
    try {
      await faceEnrol(id, { image: file, subject, consent: consent(), face, accept });
      URL.revokeObjectURL(url);
      line.remove();
      onEnrolled(subject);
    } catch (problem) {
      form.inert = false;
      await explain(problem);
    }
    return null;
  }

  async function explain(problem) {
    const box = errorBox(problem);
    said.replaceChildren(box);
    if (problem.code === "several_faces") {
      // A question rather than an error.
      box.classList.remove("is-error");
      box.querySelector(".small").remove();
      try {
        box.append(choice(await facesFind(file)));
      } catch (other) {
        said.replaceChildren(errorBox(other));
      }
    } else if (OVERRULED.has(problem.code)) {
      overrule(box, problem);
    }
  }

  /** What a person can do about a refusal: take the name of the one it looks like, or enrol it all the same. */
  function overrule(box, { code, details: { belongs_to: other, similarity, threshold } }) {
    if (similarity !== undefined) box.querySelector(".small").textContent = fill(gettext("similarity %(similarity)s, limit %(limit)s"), { similarity: similarity.toFixed(3), limit: threshold.toFixed(3) });
    const buttons = el("p", { class: "error-buttons" });
    const add = (words, act) => {
      const button = el("button", { type: "button", class: "button is-quiet" }, words);
      button.addEventListener("click", () => {
        act();
        enrol();
      });
      buttons.append(button);
    };
    if (other) add(fill(gettext("Enrol as %(name)s"), { name: other }), () => (name.value = other));
    add(gettext("Enrol all the same"), () => (accept = [...accept, code]));
    box.append(buttons);
  }

  /** The photo with its faces; clicking one chooses it. */
  function choice(found) {
    const figure = createStage(url, gettext("Choose the face of this person in the photo."));
    drawFaces(figure, found);
    figure.addEventListener("click", (event) => {
      const mark = event.target.closest?.(".face-mark");
      if (!mark) return;
      face = Number(mark.dataset.face);
      enrol();
    });
    return figure;
  }

  picture.addEventListener("error", () => picture.removeAttribute("src"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    enrol();
  });
  // Another name is another question.
  name.addEventListener("input", () => (accept = []));
  drop.addEventListener("click", () => {
    URL.revokeObjectURL(url);
    line.remove();
    onEnrolled(null);
  });
  line.enrol = enrol;
  return line;
}

/** "anna_lee-2.jpg" → "anna lee"; nothing for the names that cameras give. */
function proposed(fileName) {
  const words = fileName.replace(/\.[^.]*$/, "").replace(/[\s_-]*\(?\d+\)?$/, "").replace(/[_/]+/g, " ").trim();
  return /^(img|image|dsc[nf]?|p|pxl|photo|scan|wp|screenshot|download|微信图片|图片)?[\s\d-]*$/i.test(words) ? "" : words;
}
