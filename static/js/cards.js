// Draws a card for each face: every answer by its shape, with the model's confidence.

import { chip } from "./chip.js";
import { el, place } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { label, output, percent, separated, shapeOf, summed, sure, sureness, warning } from "./words.js";

const FEW = 6; // of a longer vector only the length is shown

/** `photo` is the image on the stage, if any; `prefix` keeps element ids unique if two analyses are on one page. */
export function faceCard(face, { photo, image, prefix = "" }) {
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
    ...SHAPES.map(([part, drawn]) => section(face.attributes, part, drawn)),
  );
}

// The parts of a card from top to bottom, each with the functions that draw its shapes.
const SHAPES = [
  ["card-estimates", { estimate }],
  ["card-categories", { category }],
  ["card-others", { flags, vector, points, mask }],
];

function section(attributes, part, drawn) {
  const answers = Object.entries(attributes).filter(([name]) => shapeOf(name) in drawn);
  if (part === "card-others" && answers.length === 0) return null;
  return el("div", { class: part }, ...answers.map(([name, answer]) => drawn[shapeOf(name)](output(name), answer)));
}

/** One line with the answers that are certain enough to use. */
export function summary(attributes) {
  const words = separated(summed.map(([name, { labels, sentence }]) => {
    const answer = attributes[name];
    if (!sure(answer)) return "";
    return labels ? labels[answer.label] ?? answer.label : fill(sentence, { value: Math.round(answer.value) });
  })) || gettext("Face");
  return words[0].toUpperCase() + words.slice(1);
}

const unsureMark = () => el("span", { class: "sureness is-unsure" }, gettext("unsure"));

function warnings(names) {
  if (names.length === 0) return null;
  return el("p", { class: "warnings" },
    fill(gettext("The face is %(faults)s: these answers are less reliable."), { faults: separated(names.map(warning)) }));
}

/** A number; if it has an interval and a scale, the interval is drawn as a range on the scale. */
function estimate({ title, unit, scale, limited }, { value, interval, abstained }) {
  const whole = scale && scale[1] - scale[0] >= 20;
  const format = (n) => (whole ? String(Math.round(n)) : n.toFixed(1));
  const words = { title, value: format(value), unit: limited ? fill(gettext("of %(high)s"), { high: scale[1] }) : unit };
  if (!interval || !scale) return reading(title, `${words.value} ${words.unit}`);
  const [low, high] = interval;
  const at = (n) => Math.min(100, Math.max(0, ((n - scale[0]) / (scale[1] - scale[0])) * 100));
  Object.assign(words, { low: format(low), high: format(high) });
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

/** Every label with its probability, the most probable first; highlights the first one if it is certain enough. */
function category({ title }, { label: top, probabilities, abstained }) {
  const rows = Object.entries(probabilities).sort(([, a], [, b]) => b - a);
  return el("section", { class: abstained ? "category is-unsure" : "category" },
    el("h4", {}, title, abstained ? unsureMark() : el("span", { class: "sureness" }, sureness(probabilities[top]))),
    el("ul", { class: "bars" }, ...rows.map(([name, share]) => bar(name, share, name === top && !abstained))),
  );
}

function bar(name, share, isTop) {
  return el("li", { class: isTop ? "is-top" : null },
    el("span", { class: "bar-name" }, label(name)),
    el("span", { class: "bar-track", "aria-hidden": "true" }, place(el("span", { class: "bar-fill" }), { width: share * 100 })),
    el("span", { class: "bar-share" }, percent(share)));
}

/** The probability of each flag, in the model's order. */
function flags({ title }, { probabilities }) {
  return el("section", { class: "category" },
    el("h4", {}, title),
    el("ul", { class: "bars" }, ...Object.entries(probabilities).map(([name, share]) => bar(name, share, share >= 0.5))));
}

/** Shows a few numbers in full, of many only their count. */
function vector({ title, unit }, { values }) {
  const numbers = Object.entries(values);
  if (numbers.length > FEW) return reading(title, fill(gettext("%(count)s numbers"), { count: numbers.length }));
  const named = numbers.map(([name, value]) => (Array.isArray(values) ? "" : `${label(name)} `) + value.toFixed(1));
  return reading(title, `${separated(named)} ${unit}`);
}

function points({ title }, { points: all, scheme }) {
  return reading(title, fill(gettext("%(count)s points (%(scheme)s)"), { count: all.length, scheme }));
}

function mask({ title }, { width, height }) {
  return reading(title, `${width} × ${height} px`);
}

const reading = (title, words) => el("section", { class: "reading" }, el("h4", {}, title), el("p", {}, words.trim()));
