// Hands analyses out as files: JSON as the API gives it, CSV with one line a face.

import { el } from "./dom.js";
import { fill, gettext } from "./i18n.js";

const CATEGORIES = ["gender", "race", "expression"];
const ANSWERS = ["age", "beauty", ...CATEGORIES];
const HEAD = [
  "photo", "analysis", "created_at", "face", "x", "y", "width", "height", "confidence", "quality", "warnings",
  "age", "age_low", "age_high", "beauty", "beauty_low", "beauty_high",
  ...CATEGORIES.flatMap((name) => [name, `${name}_probability`]), "model", "model_version",
  "interval_coverage", ...ANSWERS.map((name) => `${name}_abstained`),
];

/** Buttons that export what `collect` returns (or promises): pairs of a photo's name and its analysis. */
export function exportButtons(collect, onError, ofSeveral = false) {
  return ["json", "csv"].map((kind) => {
    const name = { kind: kind.toUpperCase() };
    const words = ofSeveral ? fill(gettext("All as %(kind)s"), name) : name.kind;
    const button = el("button", { type: "button", class: "button is-quiet", title: fill(gettext("Export as %(kind)s"), name) }, words);
    button.addEventListener("click", () => exportAs(kind, collect).catch(onError));
    return button;
  });
}

export async function exportAs(kind, collect) {
  const pairs = await collect();
  const analyses = pairs.map(([, analysis]) => analysis);
  const text = kind === "json" ? `${JSON.stringify(analyses.length === 1 ? analyses[0] : analyses, null, 2)}\n` : csv(pairs);
  const name = analyses.length === 1 ? `xcloud-${analyses[0].id.slice(0, 8)}` : `xcloud-${analyses.length}`;
  download(`${name}.${kind}`, kind === "json" ? "application/json" : "text/csv", text);
}

export function csv(pairs) {
  const lines = pairs.flatMap(([photo, analysis]) => analysis.faces.map((face) => row(photo, analysis, face)));
  // The mark at the front tells spreadsheets that this is UTF-8.
  return `\ufeff${[HEAD, ...lines].map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;
}

function row(photo, { id, created_at: made, model }, { index, box, confidence, quality, attributes }) {
  const { age, beauty } = attributes;
  return [
    photo, id, made, index + 1, box.x, box.y, box.width, box.height, confidence, quality.score, quality.warnings.join(" "),
    age?.value, ...(age?.interval ?? ["", ""]), beauty?.value, ...(beauty?.interval ?? ["", ""]),
    ...CATEGORIES.flatMap((name) => [attributes[name]?.label, attributes[name]?.probabilities[attributes[name].label]]),
    model.name, model.version, age?.coverage ?? beauty?.coverage, ...ANSWERS.map((name) => attributes[name]?.abstained),
  ];
}

/** Quoted where needed; what a spreadsheet would take for a formula is made text. */
function cell(value) {
  let text = String(value ?? "");
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function download(name, type, text) {
  const href = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}
