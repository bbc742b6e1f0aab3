// Turns the API's names and numbers into words for people.

const WARNINGS = {
  small_face: "Small face",
  blurred: "Blurred",
  dark: "Dark",
  turned: "Turned away",
  partly_outside: "Partly outside the picture",
};

export const capitalised = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
export const warning = (name) => WARNINGS[name] ?? capitalised(name);
export const faces = (count) => (count === 0 ? "No face" : count === 1 ? "1 face" : `${count} faces`);

const LOOKS = {
  anger: "angry", disgust: "disgusted", fear: "afraid", happiness: "happy", sadness: "sad", surprise: "surprised", neutral: "neutral",
};

/** An expression as an adjective. */
export const looks = (expression) => LOOKS[expression] ?? expression;

/** Never claims a full 0 or 100 that the number is not. */
export function percent(share) {
  if (share > 0 && share < 0.005) return "<1 %";
  if (share < 1 && share >= 0.995) return ">99 %";
  return `${Math.round(share * 100)} %`;
}

export function when(isoTime) {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" }).format(new Date(isoTime));
}

export function duration(milliseconds) {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
