// Compares two photos: each pair of faces with a line between them and its odds.

import { comparisonCreate } from "./api.js";
import { el } from "./dom.js";
import { clearError, showError } from "./errors.js";
import { fill, gettext } from "./i18n.js";
import { createStage, drawFaces } from "./stage.js";
import { stillUrl } from "./still.js";
import { DOUBTS, percent, separated } from "./words.js";

const [status, error, pairs, rate] = ["status", "error", "pairs", "rate"].map((id) => document.getElementById(id));
const photos = {};
const figures = {};
// The comparison that is asked for last; answers to earlier ones are dropped.
let asked = 0;

async function choose(side, file) {
  photos[side.dataset.side] = file;
  side.classList.add("is-filled");
  const figure = createStage(await stillUrl(file), gettext("The photo to compare"));
  figures[side.dataset.side] = figure;
  side.querySelector(".who-photo").replaceChildren(figure);
  compare();
}

async function compare() {
  if (!photos.first || !photos.second) return;
  const mine = ++asked;
  clearError(error);
  pairs.replaceChildren();
  status.textContent = gettext("Comparing …");
  try {
    const found = await comparisonCreate(photos, rate.value);
    if (mine !== asked) return;
    for (const side of ["first", "second"]) drawFaces(figures[side], found[side]);
    pairs.replaceChildren(el("ul", { class: "who-pairs" }, ...ranked(found.pairs).map((pair) => line(pair, found))));
    status.textContent = fill(gettext("Two faces count as the same person above a similarity of %(similarity)s."), {
      similarity: found.threshold.similarity.toFixed(3),
    });
  } catch (problem) {
    if (mine !== asked) return;
    status.textContent = "";
    showError(error, problem, compare);
  }
}

/** The most similar pairs first. */
const ranked = (all) => [...all].sort((one, other) => other.similarity - one.similarity);

function line(pair, { first, second }) {
  const [verdict, kind] = { true: [gettext("the same person"), "is-same"], false: [gettext("not shown to be the same"), ""] }[pair.same] ?? [gettext("unknown"), "is-unknown"];
  const doubts = [...first.faces[at(first, pair.first)].doubts, ...second.faces[at(second, pair.second)].doubts];
  const why = doubts.length ? fill(gettext("A face decides nothing: %(reasons)s."), { reasons: separated([...new Set(doubts)].map((doubt) => DOUBTS[doubt])) }) : "";
  return el("li", { class: `who-pair ${kind}` },
    el("span", { class: "who-face" }, face(pair.first)),
    el("span", { class: "who-link" },
      el("strong", {}, verdict),
      el("span", { class: "who-line", "aria-hidden": "true" }),
      el("span", { class: "muted small" }, fill(gettext("similarity %(similarity)s, probability %(probability)s"), {
        similarity: pair.similarity.toFixed(3), probability: percent(pair.probability),
      }), why && ` · ${why}`)),
    el("span", { class: "who-face" }, face(pair.second)));
}

const face = (index) => fill(gettext("Face %(number)s"), { number: index + 1 });
const at = (side, index) => side.faces.findIndex((one) => one.index === index);

for (const side of document.querySelectorAll(".who-side")) {
  const input = side.querySelector("input");
  const drop = side.querySelector(".drop");
  const takeChosen = () => input.files[0] && choose(side, input.files[0]);
  input.addEventListener("change", takeChosen);
  for (const kind of ["dragenter", "dragover"]) {
    side.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("is-over");
    });
  }
  side.addEventListener("dragleave", () => drop.classList.remove("is-over"));
  side.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("is-over");
    if (event.dataTransfer.files[0]) choose(side, event.dataTransfer.files[0]);
  });
  takeChosen(); // before this script was loaded
}
rate.addEventListener("change", compare);
