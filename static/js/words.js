// Turns the API's names and numbers into words for people.

import { fill, gettext, language, ngettext, pgettext } from "./i18n.js";

const WARNINGS = {
  small_face: gettext("small"),
  blurred: gettext("blurred"),
  dark: gettext("dark"),
  turned: gettext("turned away"),
  partly_outside: gettext("partly outside the picture"),
};
const LABELS = {
  female: gettext("Female"), male: gettext("Male"),
  white: pgettext("race", "White"), black: pgettext("race", "Black"), asian: pgettext("race", "Asian"),
  indian: pgettext("race", "Indian"), others: pgettext("race", "Others"),
  anger: gettext("Anger"), disgust: gettext("Disgust"), fear: gettext("Fear"), happiness: gettext("Happiness"),
  sadness: gettext("Sadness"), surprise: gettext("Surprise"), neutral: gettext("Neutral"),
};
const LOOKS = {
  anger: gettext("angry"), disgust: gettext("disgusted"), fear: gettext("afraid"), happiness: gettext("happy"),
  sadness: gettext("sad"), surprise: gettext("surprised"), neutral: pgettext("looks", "neutral"),
};
const LANDMARKS = {
  left_eye: gettext("left eye"), right_eye: gettext("right eye"), nose: gettext("nose"),
  mouth_left: gettext("left corner of the mouth"), mouth_right: gettext("right corner of the mouth"),
};

export const label = (name) => LABELS[name] ?? name;
export const warning = (name) => WARNINGS[name] ?? name;
export const looks = (expression) => LOOKS[expression] ?? expression;
export const landmark = (name) => LANDMARKS[name] ?? name;
export const separated = (words) => words.filter(Boolean).join(gettext(", "));
export const faces = (count) => (count === 0 ? gettext("No face") : fill(ngettext("%(count)s face", "%(count)s faces", count), { count }));

/** Whether there is an answer and the server did not mark it as too uncertain to use. */
export const sure = (answer) => Boolean(answer) && !answer.abstained;

/** Describes a probability in words; only for answers that did not abstain. */
export function sureness(share) {
  if (share >= 0.9) return gettext("very sure");
  return share >= 0.7 ? gettext("fairly sure") : gettext("not very sure");
}

/** A share in percent; `<1 %` and `>99 %` in place of a rounded 0 and 100. */
export function percent(share) {
  if (share > 0 && share < 0.005) return "<1 %";
  if (share < 1 && share >= 0.995) return ">99 %";
  return `${Math.round(share * 100)} %`;
}

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
