// People in the visitor's analyses whom the collection does not know: groups of faces to name, merge and correct.

import { analysisGet, pictureUrl } from "./api.js";
import { chip } from "./chip.js";
import { groupMerge, groupName, groupReject, unknownGroup, unknownList } from "./collections.js";
import { el } from "./dom.js";
import { errorBox } from "./errors.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { DOUBTS, faces as facesInWords, separated } from "./words.js";

const SHOWN = 6;
const SIZE = 64;
const inWords = (doubts) => separated(doubts.map((doubt) => DOUBTS[doubt]));

/** The groups in `place`; `onEnrolled` gets the name that one was given. */
export function unknownPeople(place, { id, consent, onEnrolled }) {
  const list = el("ul", { class: "unknown-groups" });
  const said = el("p", { class: "muted small", role: "status" });
  const find = el("button", { type: "button", class: "button is-quiet" }, gettext("Group unknown faces"));
  place.append(find, said, list);
  // Each analysis is fetched once, however many of its faces are shown.
  const analyses = new Map();

  async function refresh() {
    const { results } = await unknownList(id);
    list.replaceChildren(...results.map((group) => line(group, results)));
  }

  const shown = (act) => act().catch((problem) => said.replaceChildren(errorBox(problem)));

  find.addEventListener("click", () => shown(async () => {
    find.disabled = true;
    said.textContent = gettext("Grouping …");
    try {
      const { faces } = await unknownGroup(id);
      await refresh();
      said.textContent = list.children.length ? fill(ngettext("%(count)s unknown person", "%(count)s unknown people", list.children.length), { count: list.children.length })
        : faces ? gettext("All faces are of people in this collection.")
          : gettext("No analysis has kept faces to group. Tick “so that faces can be grouped by person” when you analyze photos.");
    } finally {
      find.disabled = false;
    }
  }));

  function line(group, all) {
    const name = el("input", { maxlength: "200", autocomplete: "off", required: true, placeholder: gettext("Who is it?"), "aria-label": gettext("Who is it?") });
    const form = el("form", { class: "enrol-form" }, name, el("button", { class: "button is-quiet" }, gettext("Enrol")));
    const doubts = [...new Set(group.faces.flatMap((face) => face.doubts))];
    const item = el("li", { class: "unknown-group" },
      el("div", { class: "unknown-faces" }, ...group.faces.slice(0, SHOWN).map((face) => portrait(group, face))),
      el("p", { class: "muted small" }, facesInWords(group.count)), doubts.length ? doubtful(group, doubts) : null, form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      shown(async () => {
        const subject = name.value.trim();
        await groupName(id, group.id, subject, consent(), item.querySelector(".unknown-accept")?.checked ? doubts : []);
        await refresh();
        onEnrolled(subject);
      });
    });
    if (all.length > 1) form.append(merging(group, all));
    return item;
  }

  /** Why faces will not be enrolled, and a box that enrols them all the same. */
  function doubtful(group, doubts) {
    const count = group.faces.filter((face) => face.doubts.length).length;
    const said = fill(ngettext("%(count)s face is not enrolled: %(reasons)s.", "%(count)s faces are not enrolled: %(reasons)s.", count), { count, reasons: inWords(doubts) });
    const box = el("input", { type: "checkbox", class: "unknown-accept", autocomplete: "off" });
    return el("div", { class: "unknown-doubts small" }, el("p", {}, said), el("label", {}, box, gettext("Enrol them all the same")));
  }

  /** Another group of the same person, chosen by its place in the list. */
  function merging(group, all) {
    const select = el("select", { "aria-label": gettext("The same person as …") }, el("option", { value: "" }, gettext("The same person as …")),
      ...all.map((other, index) => (other === group ? null : el("option", { value: other.id }, fill(gettext("Group %(number)s"), { number: index + 1 })))));
    select.addEventListener("change", () => shown(async () => {
      await groupMerge(id, select.value, group.id);
      await refresh();
    }));
    return select;
  }

  /** A face, if its picture was kept, with a button that says it is someone else. */
  function portrait(group, { analysis, index, doubts }) {
    const link = el("a", { href: `/analyses/${analysis}/`, class: "unknown-face", "aria-label": fill(gettext("Face %(number)s"), { number: index + 1 }) }, String(index + 1));
    draw(link, analysis, index);
    const wrong = el("button", { type: "button", class: "icon-button", title: gettext("Not this person"), "aria-label": gettext("Not this person") }, "×");
    wrong.addEventListener("click", () => shown(async () => {
      await groupReject(id, group.id, { analysis, index });
      await refresh();
    }));
    const mark = doubts.length ? el("span", { class: "unknown-mark", title: inWords(doubts) }, "?") : null;
    return el("span", { class: "unknown-portrait" }, link, wrong, mark);
  }

  async function draw(link, analysis, index) {
    if (!analyses.has(analysis)) analyses.set(analysis, analysisGet(analysis));
    try {
      const { image, faces } = await analyses.get(analysis);
      const kept = await (await fetch(pictureUrl(analysis))).blob();
      // Of a video, frames are kept, in which the face is elsewhere.
      if (!kept.type.startsWith("image/")) return;
      const photo = el("img", { src: URL.createObjectURL(kept), alt: "" });
      await photo.decode();
      URL.revokeObjectURL(photo.src);
      link.replaceChildren(chip(faces.find((face) => face.index === index), photo, image, SIZE));
    } catch {
      // The picture was not kept: the number stays, and leads to the analysis.
    }
  }

  refresh().catch(() => {});
}
