// Turns the API's names and numbers into words for people.

import { fill, gettext, language, ngettext, words } from "./i18n.js";

export const label = (name) => words.labels[name] ?? name;
export const warning = (name) => words.warnings[name] ?? name.replaceAll("_", " ");
/** What to do about a warning; empty if there is nothing to say. */
export const advice = (name) => words.advice[name] ?? "";
export const shapeOf = (name) => words.outputs[name]?.shape;
/** The answers in a face's summary, and the words for each. */
export const summed = Object.entries(words.summary);
/** Title, unit, scale and limit of an output. */
export const output = (name) => words.outputs[name];
export const landmark = (name) => words.landmarks[name] ?? name;
export const separated = (parts) => parts.filter(Boolean).join(gettext(", "));
export const faces = (count) => (count === 0 ? gettext("No face") : fill(ngettext("%(count)s face", "%(count)s faces", count), { count }));

/** Whether there is an answer and the server did not mark it as too uncertain to use. */
export const sure = (answer) => Boolean(answer) && !answer.abstained;

/** Describes a probability in words; only for answers that did not abstain. */
export function sureness(share) {
  if (share >= 0.9) return gettext("very sure");
  return share >= 0.7 ? gettext("fairly sure") : gettext("not very sure");
}

/** Why a face decides nothing about who someone is. */
export const DOUBTS = {
  low_quality: gettext("its quality is too low"),
  child: gettext("it looks like a child, and children are often confused"),
};

/** A share in percent; `<1 %` and `>99 %` in place of a rounded 0 and 100. */
export function percent(share) {
  if (share > 0 && share < 0.005) return "<1 %";
  if (share < 1 && share >= 0.995) return ">99 %";
  return `${Math.round(share * 100)} %`;
}

/** A whole number with separators. */
export const whole = (number) => Math.round(number).toLocaleString(language);

function when(isoTime) {
  const locale = language === "en" ? "en-GB" : language;
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(isoTime));
}

/** Converts the times in `root` from UTC to the visitor's time zone. */
export function localTimes(root) {
  for (const time of root.querySelectorAll("time")) time.textContent = when(time.dateTime);
}

export function duration(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
