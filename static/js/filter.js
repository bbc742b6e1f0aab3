// Filters and sorts the faces of an analysis.

import { el } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { label, output, shapeOf, sure } from "./words.js";

export const FROM = 4; // fewer faces need no filter
const UNSURE = "unsure"; // not a label
const LAST = Number.MAX_VALUE;

/** The least probability that an answer of the face has; what abstained counts as 0. */
function leastSure({ attributes }) {
  const shares = Object.values(attributes).filter((answer) => answer.probabilities && answer.label)
    .map(({ abstained, label: top, probabilities }) => (abstained ? 0 : probabilities[top]));
  return Math.min(1, ...shares);
}

const ageOf = ({ attributes: { age } }) => (sure(age) ? age.value : LAST);
// Name → title and what the faces are sorted by, ascending.
const ORDERS = {
  size: [gettext("Largest first"), ({ index }) => index],
  youngest: [gettext("Youngest first"), ageOf],
  oldest: [gettext("Oldest first"), (face) => (sure(face.attributes.age) ? -ageOf(face) : LAST)],
  sure: [gettext("Surest first"), (face) => -leastSure(face)],
  unsure: [gettext("Least sure first"), leastSure],
};

/** A row of filters, or null for few faces. `onChange` gets the indices of the faces that match, sorted. */
export function filterBar(faces, onChange) {
  if (faces.length < FROM) return null;
  const names = new Set(faces.flatMap(({ attributes }) => Object.keys(attributes).filter((name) => shapeOf(name) === "category")));
  const selects = [...names].map((name) => choice(name, output(name).title, faces)).filter(Boolean);
  const [youngest, oldest] = [number(gettext("Age from")), number(gettext("Age to"))];
  const clear = el("input", { type: "checkbox" });
  const order = el("select", {}, ...Object.entries(ORDERS).map(([value, [title]]) => el("option", { value }, title)));
  const count = el("p", { class: "muted small", role: "status" });
  const apply = () => {
    const wanted = selects.map((field) => field.querySelector("select")).filter((select) => select.value);
    const [low, high] = [youngest, oldest].map((field) => field.querySelector("input").valueAsNumber);
    const fits = ({ attributes, quality }) =>
      wanted.every((select) => answer(attributes[select.name]) === select.value)
      && (Number.isNaN(low) || (sure(attributes.age) && attributes.age.value >= low))
      && (Number.isNaN(high) || (sure(attributes.age) && attributes.age.value <= high))
      && (!clear.checked || quality.warnings.length === 0);
    const [, by] = ORDERS[order.value];
    const shown = faces.filter(fits).sort((one, other) => by(one) - by(other)).map((face) => face.index);
    count.textContent = fill(ngettext("%(shown)s of %(all)s face shown", "%(shown)s of %(all)s faces shown", faces.length), { shown: shown.length, all: faces.length });
    onChange(shown);
  };
  const bar = el("fieldset", { class: "filter" },
    el("legend", { class: "visually-hidden" }, gettext("Filter the faces")),
    el("label", { class: "filter-field" }, gettext("Order"), order), ...selects, youngest, oldest,
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
