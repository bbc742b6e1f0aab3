// A card a face: every attribute with how sure the model is.

import { el, place } from "./dom.js";
import { capitalised, looks, percent, warning } from "./words.js";

const AGE_SCALE = [0, 100];

export function faceCard(face) {
  const { age, beauty, gender, race, expression } = face.attributes;
  const number = face.index + 1;
  return el("article", { class: "card", tabindex: "0", "data-face": face.index, id: `face-${number}`, "aria-labelledby": `face-${number}-title` },
    el("header", { class: "card-head" },
      el("span", { class: "card-number", "aria-hidden": "true" }, String(number)),
      el("h3", { id: `face-${number}-title` }, el("span", { class: "visually-hidden" }, `Face ${number}: `), summary(face.attributes)),
      el("span", { class: "muted small" }, `detection ${percent(face.confidence)}`),
    ),
    warnings(face.quality.warnings),
    el("div", { class: "card-estimates" },
      age && estimate("Age", age, AGE_SCALE, (n) => String(Math.round(n)), "years"),
      beauty && estimate("Beauty", beauty, beauty.scale, (n) => n.toFixed(1), `on a scale of ${beauty.scale[0]} to ${beauty.scale[1]}`),
    ),
    el("div", { class: "card-categories" },
      gender && category("Gender", gender),
      race && category("Race", race),
      expression && category("Expression", expression),
    ),
  );
}

function summary({ gender, age, expression }) {
  const words = [gender && capitalised(gender.label), age && `about ${Math.round(age.value)}`, expression && looks(expression.label)];
  return words.filter(Boolean).join(", ") || "Face";
}

function warnings(names) {
  if (names.length === 0) return null;
  return el("div", { class: "warnings" },
    el("ul", {}, ...names.map((name) => el("li", {}, warning(name)))),
    el("p", { class: "muted" }, "so its answers are less sure"));
}

/** A number with its interval, drawn as a range on its scale. */
function estimate(title, { value, interval }, scale, format, unit) {
  const [low, high] = interval;
  const at = (n) => Math.min(100, Math.max(0, ((n - scale[0]) / (scale[1] - scale[0])) * 100));
  return el("section", { class: "estimate" },
    el("h4", {}, title),
    el("p", { class: "estimate-value" },
      el("strong", {}, format(value)), " ",
      el("span", { class: "muted small" }, unit === "years" ? "years, " : "", `likely ${format(low)}–${format(high)}`)),
    el("div", { class: "range", role: "img", "aria-label": `${title} ${format(value)}, ${unit}, likely between ${format(low)} and ${format(high)}` },
      place(el("span", { class: "range-interval" }), { left: at(low), width: at(high) - at(low) }),
      place(el("span", { class: "range-value" }), { left: at(value) })),
    el("p", { class: "range-ends muted", "aria-hidden": "true" }, el("span", {}, String(scale[0])), el("span", {}, String(scale[1]))),
  );
}

/** Every label with its probability, the likeliest first. */
function category(title, { label, probabilities }) {
  const rows = Object.entries(probabilities).sort(([, a], [, b]) => b - a);
  return el("section", { class: "category" },
    el("h4", {}, title),
    el("ul", { class: "bars" }, ...rows.map(([name, share]) =>
      el("li", { class: name === label ? "is-top" : null },
        el("span", { class: "bar-name" }, capitalised(name)),
        el("span", { class: "bar-track", "aria-hidden": "true" }, place(el("span", { class: "bar-fill" }), { width: share * 100 })),
        el("span", { class: "bar-share" }, percent(share))))),
  );
}
