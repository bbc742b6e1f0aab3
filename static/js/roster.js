// The list of a collection's people: their faces, and erasing them.

import { part } from "./api.js";
import { faceRemove, facesOf, personErase } from "./collections.js";
import { agreed, el, renew } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { localTimes, percent, separated } from "./words.js";

/** `onChange` is called after people or faces are gone, with words about it; `onError` with an ApiError. */
export function roster(place, { id, rows, onChange, onError }) {
  const refresh = async () => renew(place, await part(rows + location.search));

  async function erase(subject) {
    const dialog = document.getElementById("erase-dialog");
    dialog.querySelector("[data-who]").textContent = subject;
    if (!(await agreed(dialog))) return;
    await personErase(id, subject);
    await refresh();
    onChange(fill(gettext("%(name)s is erased."), { name: subject }));
  }

  async function showFaces(details, subject) {
    const found = await facesOf(id, subject);
    const list = el("ul", {}, ...found.results.map((face) => line(face, subject)));
    localTimes(list);
    details.querySelector(".person-faces").replaceChildren(list);
  }

  function line(face, subject) {
    const remove = el("button", { type: "button", class: "icon-button", title: gettext("Remove this face"), "aria-label": gettext("Remove this face") }, "×");
    remove.addEventListener("click", async () => {
      try {
        await faceRemove(id, face.id);
        await refresh();
        onChange(fill(gettext("A face of %(name)s is removed."), { name: subject }));
      } catch (problem) {
        onError(problem);
      }
    });
    const until = face.expires_at && [gettext("until"), " ", el("time", { datetime: face.expires_at })];
    return el("li", {}, el("span", {},
      el("time", { datetime: face.created_at }), ...(until ? [" ", ...until] : []),
      el("span", { class: "muted" }, ` ${separated([face.quality !== null && fill(gettext("quality %(share)s"), { share: percent(face.quality) }), face.consent])}`)), remove);
  }

  place.addEventListener("click", async (event) => {
    const person = event.target.closest?.(".person");
    if (!person || !event.target.closest("[data-erase]")) return;
    await erase(person.dataset.subject).catch(onError);
  });
  // `toggle` does not bubble.
  place.addEventListener("toggle", (event) => {
    if (event.target.open) showFaces(event.target, event.target.closest(".person").dataset.subject).catch(onError);
  }, true);
  return { refresh };
}
