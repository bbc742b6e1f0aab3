// Who is in a photo: names on its faces, how sure they are, and a name for those who are unknown.

import { faceEnrol, facesFind, photoSearch } from "./collections.js";
import { el } from "./dom.js";
import { clearError, errorBox } from "./errors.js";
import { fill, gettext } from "./i18n.js";
import { createStage, drawFaces } from "./stage.js";
import { stillUrl } from "./still.js";
import { DOUBTS, percent, separated, whole } from "./words.js";

/** Shows who is in photos; `onEnrolled` is called when a face of one was named. */
export function recogniser(place, { id, consent, onEnrolled }) {
  let [photo, figure] = [null, null];
  // The search that is asked for last; answers to earlier ones are dropped.
  let asked = 0;
  const answer = el("div", { class: "found", role: "status" });

  async function search(file) {
    photo = file;
    figure = createStage(await stillUrl(file), gettext("The photo that is searched"));
    figure.addEventListener("click", goToLine);
    place.replaceChildren(figure, answer);
    await again();
  }

  /** Searches the same photo again, because the people have changed. */
  async function again() {
    if (!photo) return;
    const mine = ++asked;
    answer.replaceChildren(el("p", { class: "muted" }, gettext("Searching …")));
    try {
      const found = await photoSearch(id, photo).catch(emptyCollection);
      if (mine === asked) show(found);
    } catch (problem) {
      if (mine !== asked) return;
      figure.querySelectorAll(".face-mark").forEach((mark) => mark.remove());
      answer.replaceChildren(errorBox(problem, again));
    }
  }

  /** An empty collection has no people to find, but the photo's faces can be named. */
  async function emptyCollection(problem) {
    if (problem.code !== "empty_collection") throw problem;
    const { image, faces } = await facesFind(photo);
    return { image, faces: faces.map((face) => ({ face, match: null, doubts: [] })) };
  }

  function show(found) {
    const faces = found.faces.map(({ face }) => face);
    const named = new Map(found.faces.map((one) => [one.face.index, one.match?.subject ?? gettext("unknown")]));
    drawFaces(figure, { image: found.image, faces }, (face) => named.get(face.index));
    for (const { face, match } of found.faces) figure.querySelector(`.face-mark[data-face="${face.index}"]`).classList.toggle("is-unknown", !match);
    if (!faces.length) return answer.replaceChildren(el("p", {}, gettext("No face was found in this photo.")));
    const rule = found.threshold ? fill(gettext("A face gets a name above a similarity of %(similarity)s: of strangers, at most 1 in %(count)s does."), {
      similarity: found.threshold.toFixed(3), count: whole(1 / found.fmr),
    }) : gettext("Nobody is enrolled yet: name the faces of this photo.");
    return answer.replaceChildren(el("ul", { class: "found-faces" }, ...found.faces.map(line)), el("p", { class: "muted small" }, rule));
  }

  function line({ face, match, doubts }) {
    const item = el("li", { class: match ? "found-face" : "found-face is-unknown", "data-face": face.index });
    if (match) {
      item.append(el("strong", {}, match.subject), el("span", { class: "muted small" }, fill(gettext("similarity %(similarity)s, probability %(probability)s"), {
        similarity: match.similarity.toFixed(3), probability: percent(match.probability),
      })));
      return item;
    }
    const why = doubts.length ? fill(gettext("unknown: %(reasons)s"), { reasons: separated(doubts.map((doubt) => DOUBTS[doubt])) }) : gettext("unknown");
    item.append(el("strong", {}, fill(gettext("Face %(number)s"), { number: face.index + 1 })), el("span", { class: "muted small" }, why), naming(face));
    return item;
  }

  function goToLine(event) {
    const mark = event.target.closest?.(".face-mark");
    const item = mark && answer.querySelector(`[data-face="${mark.dataset.face}"]`);
    item?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    item?.querySelector("input")?.focus({ preventScroll: true });
  }

  /** A field that enrols an unknown face of the photo under a name. */
  function naming(face) {
    const name = el("input", { maxlength: "200", autocomplete: "off", required: true, "aria-label": fill(gettext("Name of face %(number)s"), { number: face.index + 1 }), placeholder: gettext("Who is it?") });
    const error = el("div", { role: "alert" });
    const form = el("form", { class: "enrol-form" }, name, el("button", { class: "button is-quiet" }, gettext("Enrol")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      clearError(error);
      form.inert = true;
      try {
        await faceEnrol(id, { image: photo, subject: name.value.trim(), consent: consent(), face: face.index });
        onEnrolled(name.value.trim());
        await again();
      } catch (problem) {
        form.inert = false;
        error.replaceChildren(errorBox(problem));
      }
    });
    return el("div", {}, form, error);
  }

  return { search, again };
}
