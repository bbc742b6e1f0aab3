// Draws a row for each person over the video's time: when each is seen, and how each looks then.

import { summary } from "./cards.js";
import { el, place, svgEl } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { label, output } from "./words.js";

const MOST_ROWS = 40;
// One colour for each label of a set of up to seven, in the model's order; neutral comes last and is grey.
const COLOURS = ["#d1495b", "#7a9e3f", "#8661c1", "#f2b632", "#3b7dd8", "#f07f3c", "#9aa5a3"];

/** `stillUrl` gives the address of a person's still. `seek` is called with a time that was clicked. */
export function createTimeline({ seconds, scenes, people }, seek, stillUrl) {
  const name = Object.keys(people[0]?.moments.shares ?? {})[0];
  const labels = name ? people[0].moments.labels[name] : [];
  const rows = people.slice(0, MOST_ROWS).map((person) => row(person));
  const hidden = people.length - rows.length;
  const track = el("div", { class: "timeline" }, ...rows);

  function row(person) {
    const { face, stills, moments } = person;
    const chart = el("button", { type: "button", class: "timeline-track", "aria-label": fill(gettext("Timeline of person %(number)s"), { number: face.index + 1 }) },
      drawn(moments, name, labels, seconds), el("span", { class: "timeline-now" }));
    chart.addEventListener("click", (event) => {
      const { left, width } = chart.getBoundingClientRect();
      // From the keyboard there is no place: the person's first moment.
      seek(event.detail ? ((event.clientX - left) / width) * seconds : person.first_at);
    });
    for (const start of scenes.slice(1)) chart.append(place(el("span", { class: "timeline-cut" }), { left: (100 * start) / seconds }));
    const picture = stills.length ? el("img", { src: stillUrl(face.index, stills[0].kind), alt: "", width: 40, height: 40, loading: "lazy" }) : null;
    return el("div", { class: "timeline-row" },
      el("span", { class: "timeline-who" }, picture, el("span", { class: "timeline-number" }, String(face.index + 1)), el("span", { class: "timeline-words small" }, summary(face.attributes), same(person))),
      chart);
  }

  /** Where identity is on: which other rows are the same person. */
  function same({ person, face }) {
    if (person === null) return "";
    const others = people.filter((other) => other.person === person && other.face.index !== face.index).map((other) => other.face.index + 1);
    return others.length ? ` · ${fill(gettext("the same as %(numbers)s"), { numbers: others.join(", ") })}` : "";
  }

  const legend = name ? el("ul", { class: "timeline-legend small" }, ...labels.map((one, index) => el("li", {}, swatch(index), label(one)))) : null;
  return {
    element: el("section", { class: "timeline-frame", "aria-label": gettext("Timeline") },
      el("h2", {}, name ? output(name).title : gettext("Timeline")), legend, track,
      hidden > 0 ? el("p", { class: "muted small" }, fill(gettext("and %(count)s more, seen for a shorter time"), { count: hidden })) : null),
    move: (at) => track.style.setProperty("--at", seconds ? at / seconds : 0),
  };
}

function swatch(index) {
  const mark = el("span", { class: "swatch", "aria-hidden": "true" });
  mark.style.background = COLOURS[index % COLOURS.length];
  return mark;
}

/** The shares of each label over time, one upon the other; without shares, when the person is seen. */
function drawn({ at, shares }, name, labels, seconds) {
  const svg = svgEl("svg", { viewBox: `0 0 ${seconds || 1} 1`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const usual = at.length > 1 ? median(at.slice(1).map((moment, index) => moment - at[index])) : 0.2;
  for (const [start, end] of runs(at, 3 * usual + 0.2)) {
    let below = at.slice(start, end).map(() => 0);
    for (const index of name ? labels.keys() : [0]) {
      const above = below.map((level, moment) => level + (name ? shares[name][start + moment][index] : 1));
      const edge = (levels) => levels.map((level, moment) => `${at[start + moment]} ${1 - Math.min(level, 1)}`);
      // A moment alone is as wide as a usual step.
      const last = at[end - 1] + usual;
      const top = [...edge(above), `${last} ${1 - Math.min(above.at(-1), 1)}`];
      const bottom = [...edge(below), `${last} ${1 - Math.min(below.at(-1), 1)}`].reverse();
      svg.append(svgEl("path", { d: `M${[...top, ...bottom].join("L")}Z`, fill: COLOURS[index % COLOURS.length] }));
      below = above;
    }
  }
  return svg;
}

/** The stretches without a gap of more than `gap` seconds, as pairs of indices. */
function runs(at, gap) {
  const found = [];
  let start = 0;
  for (let index = 1; index <= at.length; index += 1) {
    if (index === at.length || at[index] - at[index - 1] > gap) {
      found.push([start, index]);
      start = index;
    }
  }
  return at.length ? found : [];
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

/** 75.4 → "1:15". */
export const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
