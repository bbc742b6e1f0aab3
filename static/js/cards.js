// Draws a card for each face: every answer by its shape, with the model's confidence.

import { saveCanvas } from "./annotate.js";
import { chip } from "./chip.js";
import { el, place } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { labelling } from "./labels.js";
import { advice, label, output, percent, separated, shapeOf, summed, sure, sureness, warning } from "./words.js";

const FEW = 6; // of a longer vector only the length is shown, and of more flags first the likely ones

/**
 * `photo` is the image on the stage, if any; `model` is the analysis's; `labelled` is for `labelling`, if people may say
 * what is right; `prefix` keeps element ids unique if two analyses are on one page.
 */
export function faceCard(face, { photo, image, model, labelled = null, prefix = "" }) {
  const number = face.index + 1;
  const id = `${prefix}face-${number}`;
  return el("article", { class: "card", tabindex: "0", "data-face": face.index, id, "aria-labelledby": `${id}-title` },
    el("header", { class: "card-head" },
      savable(chip(face, photo, image), number),
      el("div", { class: "card-title" },
        el("h3", { id: `${id}-title` },
          el("span", { class: "card-number" }, el("span", { class: "visually-hidden" }, gettext("Face"), " "), String(number)), " ",
          summary(face.attributes)),
        unsureLine(face.attributes),
        el("p", { class: "muted small" }, fill(gettext("%(share)s sure that this is a face"), { share: percent(face.confidence) }))),
    ),
    warnings(face.quality.warnings),
    ...SHAPES.map(([part, drawn]) => section(face.attributes, part, drawn)),
    el("p", { class: "card-foot small" }, el("a", { href: modelLink(model, face.attributes) }, gettext("How well does this work for such faces?"))),
    labelled ? labelling(face, labelled) : null,
  );
}

/** The model's page with the group of this face marked, as far as the answers say which it is. */
function modelLink({ name }, attributes) {
  const like = Object.entries(attributes).filter(([, answer]) => sure(answer)).flatMap(([output, answer]) => {
    if (shapeOf(output) === "category") return [[output, answer.label]];
    return output === "age" ? [[output, Math.round(answer.value)]] : [];
  });
  return `/models/${encodeURIComponent(name)}/?${new URLSearchParams(like)}`;
}

/** A click on the chip saves it. */
function savable(canvas, number) {
  if (!canvas) return null;
  const words = fill(gettext("Save the chip of face %(number)s"), { number });
  if (canvas.src) return el("a", { class: "chip-button", href: canvas.src, download: `face-${number}.jpg`, title: words, "aria-label": words }, canvas);
  const button = el("button", { type: "button", class: "chip-button", title: words, "aria-label": words }, canvas);
  button.addEventListener("click", () => saveCanvas(canvas, `face-${number}.png`));
  return button;
}

function unsureLine(attributes) {
  const titles = Object.entries(attributes).filter(([, answer]) => answer.abstained).map(([name]) => output(name).title);
  if (titles.length === 0) return null;
  return el("p", { class: "card-unsure small" }, fill(gettext("Unknown: %(answers)s"), { answers: separated(titles) }));
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

/** A word for how sure the answer is, which explains itself when it is pressed. */
function howSure(words, unsure, explanation) {
  const text = el("p", { class: "explained small", hidden: true }, explanation);
  const button = el("button", { type: "button", class: unsure ? "sureness is-unsure" : "sureness", "aria-expanded": "false" }, words);
  button.addEventListener("click", () => {
    text.hidden = !text.hidden;
    button.setAttribute("aria-expanded", String(!text.hidden));
  });
  return [button, text];
}

/** What an abstained answer means; `limit` is from where this server calls it sure. */
const unsureWords = (limit) => fill(gettext("This server calls an answer unsure %(limit)s. Treat it as unknown."), { limit });

/** Why an answer abstained that is within its limit. */
const poor = () => gettext("if the face is as badly visible as this one");

function warnings(names) {
  if (names.length === 0) return null;
  return el("div", { class: "warnings" },
    el("p", {}, fill(gettext("The face is %(faults)s: these answers are less reliable."), { faults: separated(names.map(warning)) })),
    el("p", {}, names.map(advice).filter(Boolean).join(" ")));
}

/** A number; if it has an interval and a scale, the interval is drawn as a range on the scale. */
function estimate({ title, unit, scale, limited, limit }, { value, interval, abstained, coverage }) {
  const whole = scale && scale[1] - scale[0] >= 20;
  const format = (n) => (whole ? String(Math.round(n)) : n.toFixed(1));
  const words = { title, value: format(value), unit: limited ? fill(gettext("of %(high)s"), { high: scale[1] }) : unit };
  if (!interval || !scale) return reading(title, `${words.value} ${words.unit}`);
  const [low, high] = interval;
  const at = (n) => Math.min(100, Math.max(0, ((n - scale[0]) / (scale[1] - scale[0])) * 100));
  Object.assign(words, { low: format(low), high: format(high) });
  const of100 = coverage === null ? "" : fill(gettext("For %(count)s of 100 faces the range contains the true answer."), { count: Math.round(coverage * 100) });
  const why = high - low <= limit ? poor() : fill(gettext("if its range is wider than %(limit)s %(unit)s"), { limit, unit });
  const wide = abstained ? unsureWords(why) : "";
  const [mark, explained] = howSure(abstained ? gettext("unsure") : `${words.low}–${words.high}`, abstained, `${of100} ${wide}`.trim());
  const said = abstained ? gettext("%(title)s is unsure: likely between %(low)s and %(high)s") : gettext("%(title)s %(value)s %(unit)s, likely between %(low)s and %(high)s");
  return el("section", { class: abstained ? "estimate is-unsure" : "estimate" },
    el("h4", {}, title, mark), explained,
    el("p", { class: "estimate-value" }, ...(abstained
      ? [el("span", { class: "muted" }, fill(gettext("somewhere from %(low)s to %(high)s"), words))]
      : [el("strong", {}, words.value), " ", el("span", { class: "muted small" }, words.unit)])),
    el("div", { class: "range", role: "img", "aria-label": fill(said, words) },
      place(el("span", { class: "range-interval" }), { left: at(low), width: at(high) - at(low) }),
      abstained ? null : place(el("span", { class: "range-value" }), { left: at(value) })),
    el("p", { class: "range-ends muted", "aria-hidden": "true" }, el("span", {}, String(scale[0])), el("span", {}, String(scale[1]))),
  );
}

/** Every label with its probability, the most probable first; highlights the first one if it is certain enough. */
function category({ title, limit }, { label: top, probabilities, abstained }) {
  const why = probabilities[top] >= limit ? poor() : fill(gettext("if its first label has less than %(share)s"), { share: percent(limit) });
  const rows = Object.entries(probabilities).sort(([, a], [, b]) => b - a);
  const words = { share: percent(probabilities[top]), count: Math.round(probabilities[top] * 100), label: label(top) };
  const [mark, explained] = abstained
    ? howSure(gettext("unsure"), true, unsureWords(why))
    : howSure(sureness(probabilities[top]), false, fill(gettext("Of 100 faces for which the model says %(label)s with %(share)s, about %(count)s have that label."), words));
  return el("section", { class: abstained ? "category is-unsure" : "category" },
    el("h4", {}, title, mark), explained,
    el("ul", { class: "bars" }, ...rows.map(([name, share]) => bar(name, share, name === top && !abstained))),
  );
}

function bar(name, share, isTop) {
  return el("li", { class: isTop ? "is-top" : null },
    el("span", { class: "bar-name" }, label(name)),
    el("span", { class: "bar-track", "aria-hidden": "true" }, place(el("span", { class: "bar-fill" }), { width: share * 100 })),
    el("span", { class: "bar-share" }, percent(share)));
}

/** The probability of each flag, in the model's order; of many flags, first the likely ones as chips, the surest first. */
function flags({ title }, { probabilities }) {
  const all = Object.entries(probabilities);
  const bars = el("ul", { class: "bars" }, ...all.map(([name, share]) => bar(name, share, share >= 0.5)));
  return el("section", { class: all.length > FEW ? "category is-wide" : "category" }, el("h4", {}, title), ...(all.length > FEW ? [likelyFlags(all), closed(all.length, bars)] : [bars]));
}

function likelyFlags(all) {
  const likely = all.filter(([, share]) => share >= 0.5).sort(([, a], [, b]) => b - a);
  if (likely.length === 0) return el("p", { class: "flags muted small" }, gettext("None is likely."));
  const chips = likely.map(([name, share]) => el("li", { title: sureness(share) }, label(name), " ", el("span", { class: "muted" }, percent(share))));
  return el("ul", { class: "flags" }, ...chips);
}

const closed = (count, bars) => el("details", { class: "small" }, el("summary", {}, fill(gettext("All %(count)s"), { count })), bars);

/** Shows a few numbers in full, of many only their count. */
function vector({ title, unit }, { values }) {
  const numbers = Object.entries(values);
  if (numbers.length > FEW) return reading(title, fill(gettext("%(count)s numbers"), { count: numbers.length }));
  if (numbers.every(([name]) => label(`-${name}`) !== `-${name}`)) {
    // There are words for below zero: "turned to the left 3°".
    const said = numbers.map(([name, value]) => `${label(value < 0 ? `-${name}` : name)} ${Math.abs(Math.round(value))}${unit}`);
    return reading(title, separated(said));
  }
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
