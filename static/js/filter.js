// Filters the faces of an analysis.

import { el } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { label, output, shapeOf, sure } from "./words.js";

const FROM = 4; // fewer faces need no filter
const UNSURE = "unsure"; // not a label

/** A row of filters, or null for few faces. `onChange` gets the set of the indices that match. */
export function filterBar(faces, onChange) {
  if (faces.length < FROM) return null;
  const names = new Set(faces.flatMap(({ attributes }) => Object.keys(attributes).filter((name) => shapeOf(name) === "category")));
  const selects = [...names].map((name) => choice(name, output(name).title, faces)).filter(Boolean);
  const [youngest, oldest] = [number(gettext("Age from")), number(gettext("Age to"))];
  const clear = el("input", { type: "checkbox" });
  const count = el("p", { class: "muted small", role: "status" });
  const apply = () => {
    const wanted = selects.map((field) => field.querySelector("select")).filter((select) => select.value);
    const [low, high] = [youngest, oldest].map((field) => field.querySelector("input").valueAsNumber);
    const fits = ({ attributes, quality }) =>
      wanted.every((select) => answer(attributes[select.name]) === select.value)
      && (Number.isNaN(low) || (sure(attributes.age) && attributes.age.value >= low))
      && (Number.isNaN(high) || (sure(attributes.age) && attributes.age.value <= high))
      && (!clear.checked || quality.warnings.length === 0);
    const shown = faces.filter(fits).map((face) => face.index);
    count.textContent = fill(ngettext("%(shown)s of %(all)s face shown", "%(shown)s of %(all)s faces shown", faces.length), { shown: shown.length, all: faces.length });
    onChange(new Set(shown));
  };
  const bar = el("fieldset", { class: "filter" },
    el("legend", { class: "visually-hidden" }, gettext("Filter the faces")),
    ...selects, youngest, oldest,
    el("label", { class: "check small" }, clear, gettext("Clear faces only")), count);
  bar.addEventListener("input", apply);
  return bar;
}

const answer = (category) => (category?.abstained ? UNSURE : category?.label);

/** A select with the values that occur. */
function choice(name, title, faces) {
  const found = [...new Set(faces.map(({ attributes }) => answer(attributes[name])).filter(Boolean))];
  if (found.length < 2) return null;
  const options = found.map((value) => el("option", { value }, value === UNSURE ? gettext("unsure") : label(value)));
  return el("label", { class: "filter-field" }, title,
    el("select", { name }, el("option", { value: "" }, gettext("Any")), ...options));
}

const number = (title) => el("label", { class: "filter-field is-short" }, title, el("input", { type: "number", min: 0, max: 120, inputmode: "numeric" }));
