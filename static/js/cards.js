// A card a face: every attribute with how sure the model is.

import { chip } from "./chip.js";
import { el, place } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { label, looks, percent, separated, sure, sureness, warning } from "./words.js";

const AGE_SCALE = [0, 100];

/** `photo` is the image on the stage, if any; `prefix` keeps ids apart where two analyses are on one page. */
export function faceCard(face, { photo, image, prefix = "" }) {
  const { age, beauty, gender, race, expression } = face.attributes;
  const number = face.index + 1;
  const id = `${prefix}face-${number}`;
  return el("article", { class: "card", tabindex: "0", "data-face": face.index, id, "aria-labelledby": `${id}-title` },
    el("header", { class: "card-head" },
      chip(face, photo, image),
      el("div", { class: "card-title" },
        el("h3", { id: `${id}-title` },
          el("span", { class: "card-number" }, el("span", { class: "visually-hidden" }, gettext("Face"), " "), String(number)), " ",
          summary(face.attributes)),
        el("p", { class: "muted small" }, fill(gettext("%(share)s sure that this is a face"), { share: percent(face.confidence) }))),
    ),
    warnings(face.quality.warnings),
    el("div", { class: "card-estimates" },
      age && estimate(gettext("Age"), age, AGE_SCALE, (n) => String(Math.round(n)), gettext("years")),
      beauty && estimate(gettext("Beauty"), beauty, beauty.scale, (n) => n.toFixed(1),
        fill(gettext("of %(high)s"), { high: beauty.scale[1] })),
    ),
    el("div", { class: "card-categories" },
      gender && category(gettext("Gender"), gender),
      race && category(gettext("Race"), race),
      expression && category(gettext("Expression"), expression),
    ),
  );
}

/** The answers that are sure enough to be taken for one. */
export function summary({ gender, age, expression }) {
  const words = separated([
    sure(gender) && label(gender.label),
    sure(age) && fill(gettext("about %(age)s"), { age: Math.round(age.value) }),
    sure(expression) && looks(expression.label),
  ]) || gettext("Face");
  return words[0].toUpperCase() + words.slice(1);
}

const unsureMark = () => el("span", { class: "sureness is-unsure" }, gettext("unsure"));

function warnings(names) {
  if (names.length === 0) return null;
  return el("p", { class: "warnings" },
    fill(gettext("The face is %(faults)s: these answers are less reliable."), { faults: separated(names.map(warning)) }));
}

/** A number with its interval, drawn as a range on its scale. */
function estimate(title, { value, interval, abstained }, scale, format, unit) {
  const [low, high] = interval;
  const at = (n) => Math.min(100, Math.max(0, ((n - scale[0]) / (scale[1] - scale[0])) * 100));
  const words = { title, value: format(value), unit, low: format(low), high: format(high) };
  return el("section", { class: abstained ? "estimate is-unsure" : "estimate" },
    el("h4", {}, title, abstained ? unsureMark() : null),
    el("p", { class: "estimate-value" },
      el("strong", {}, format(value)), " ",
      el("span", { class: "muted small" }, fill(gettext("%(unit)s, likely %(low)s–%(high)s"), words))),
    el("div", { class: "range", role: "img", "aria-label": fill(gettext("%(title)s %(value)s %(unit)s, likely between %(low)s and %(high)s"), words) },
      place(el("span", { class: "range-interval" }), { left: at(low), width: at(high) - at(low) }),
      place(el("span", { class: "range-value" }), { left: at(value) })),
    el("p", { class: "range-ends muted", "aria-hidden": "true" }, el("span", {}, String(scale[0])), el("span", {}, String(scale[1]))),
  );
}

/** Every label with its probability, the likeliest first, and in a word how sure that is; none stands out where unsure. */
function category(title, { label: top, probabilities, abstained }) {
  const rows = Object.entries(probabilities).sort(([, a], [, b]) => b - a);
  return el("section", { class: abstained ? "category is-unsure" : "category" },
    el("h4", {}, title, abstained ? unsureMark() : el("span", { class: "sureness" }, sureness(probabilities[top]))),
    el("ul", { class: "bars" }, ...rows.map(([name, share]) =>
      el("li", { class: name === top && !abstained ? "is-top" : null },
        el("span", { class: "bar-name" }, label(name)),
        el("span", { class: "bar-track", "aria-hidden": "true" }, place(el("span", { class: "bar-fill" }), { width: share * 100 })),
        el("span", { class: "bar-share" }, percent(share))))),
  );
}
