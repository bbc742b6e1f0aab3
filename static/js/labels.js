// What people say is right about a face: a form in its card, kept as labels beside the answers.

import { labelsSet } from "./api.js";
import { el } from "./dom.js";
import { errorTitle } from "./errors.js";
import { fill, gettext } from "./i18n.js";
import { label, output, separated, shapeOf, sure } from "./words.js";

const ASKED = ["category", "estimate"];

/** The foot of the card of `face`: what was said about it, in `known` by the face's index, and a button to say more. */
export function labelling(face, { id, known }) {
  const root = el("div", { class: "labelling" });
  const answers = Object.entries(face.attributes).filter(([name]) => ASKED.includes(shapeOf(name)));

  function showWords(note = null) {
    const said = known[face.index] ?? {};
    const words = separated(answers.filter(([name]) => name in said).map(([name]) => `${output(name).title} ${inWords(name, said[name])}`));
    const open = el("button", { type: "button", class: "link", "aria-expanded": "false" }, words ? gettext("Change") : gettext("This is wrong"));
    open.addEventListener("click", () => showForm(said));
    root.replaceChildren(el("p", { class: "small" }, words ? `${fill(gettext("You say: %(labels)s"), { labels: words })} ` : null, open), ...(note ? [note] : []));
    return open;
  }

  function showForm(said) {
    const fields = new Map(answers.map(([name, answer]) => [name, field(name, answer, said[name])]));
    const fault = el("p", { class: "field-error small", role: "alert" });
    const same = el("button", { type: "button", class: "button is-quiet" }, gettext("All as answered"));
    same.addEventListener("click", () => {
      for (const [name, answer] of answers) if (sure(answer) && "label" in answer) fields.get(name).value = answer.label;
    });
    const cancel = el("button", { type: "button", class: "button is-quiet" }, gettext("Cancel"));
    cancel.addEventListener("click", () => showWords().focus());
    const form = el("form", { class: "label-form", "aria-label": fill(gettext("What is right about face %(number)s"), { number: face.index + 1 }) },
      el("p", { class: "small" }, gettext("What is right? Leave out what you do not know, and say it too where the answer is right: then the report can count.")),
      el("div", { class: "label-fields" }, ...[...fields].map(([name, control]) => el("label", { class: "field" }, output(name).title, control))),
      fault,
      el("p", { class: "label-buttons" }, el("button", { class: "button" }, gettext("Save")), same, cancel),
      el("p", { class: "muted small" }, gettext("This is kept with the analysis and deleted with it. The answers do not change.")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const values = Object.fromEntries([...fields].filter(([, control]) => control.value !== "").map(([name, control]) =>
        [name, shapeOf(name) === "estimate" ? Number(control.value) : control.value]));
      try {
        known[face.index] = (await labelsSet(id, face.index, values)).labels;
        showWords(el("p", { class: "small", role: "status" }, gettext("Saved."), " ", el("a", { href: "/measure/" }, gettext("How right is it on your faces?")))).focus();
      } catch (error) {
        fault.textContent = `${errorTitle(error)} ${error.message}`;
      }
    });
    root.replaceChildren(form);
    fields.values().next().value.focus();
  }

  if (answers.length) showWords();
  return root;
}

function field(name, answer, said) {
  if (shapeOf(name) === "estimate") {
    const [min, max] = output(name).range ?? [null, null];
    return el("input", { type: "number", step: "any", min, max, value: said ?? null, inputmode: "decimal" });
  }
  const options = Object.keys(answer.probabilities).map((one) => el("option", { value: one, selected: one === said }, label(one)));
  return el("select", {}, el("option", { value: "" }, "–"), ...options);
}

const inWords = (name, value) => (shapeOf(name) === "estimate" ? String(Math.round(value * 10) / 10) : label(value));
