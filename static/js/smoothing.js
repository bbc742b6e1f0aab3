// One face's answers over time: each follows the frames' with a delay of its own.

// The seconds after which two thirds of a change are shown. What a face looks like does not change, its expression does.
const DELAYS = { box: 0.08, expression: 0.3 };
const DELAY = 2;
// Another label is shown once it leads by this.
const LEAD = 0.1;

const isNumber = (value) => typeof value === "number";
const blend = (old, fresh, share) => old + (fresh - old) * share;
const blendAll = (old, fresh, share) =>
  Object.fromEntries(Object.entries(fresh).map(([name, value]) => [name, isNumber(value) && isNumber(old?.[name]) ? blend(old[name], value, share) : value]));

/** A face as the first frame shows it. */
export const settle = (face) => ({ ...face, frames: 1, attributes: Object.fromEntries(Object.entries(face.attributes).map(([name, answer]) => [name, first(answer)])) });

// How sure the answers are, not whether a single one is: `doubt` is the share of the last ones that abstained.
const first = (answer) => ({ ...answer, doubt: answer.abstained ? 1 : 0 });

/** The `shown` face after a frame that shows `fresh`, `seconds` later. The first frames count alike. */
export function follow(shown, fresh, seconds) {
  const frames = shown.frames + 1;
  const share = (delay) => Math.max(1 - Math.exp(-Math.max(seconds, 0) / delay), 1 / frames);
  const attributes = Object.fromEntries(Object.entries(fresh.attributes).map(([name, answer]) => {
    const old = shown.attributes[name];
    return [name, old ? followAnswer(old, answer, share(DELAYS[name] ?? DELAY)) : first(answer)];
  }));
  return { ...fresh, frames, box: blendAll(shown.box, fresh.box, share(DELAYS.box)), attributes };
}

function followAnswer(old, fresh, share) {
  const doubt = blend(old.doubt, fresh.abstained ? 1 : 0, share);
  const followed = { ...fresh, doubt, abstained: doubt > 0.5 };
  if (isNumber(fresh.value)) followed.value = blend(old.value, fresh.value, share);
  if (fresh.interval && old.interval) followed.interval = fresh.interval.map((end, side) => blend(old.interval[side], end, share));
  if (fresh.probabilities) {
    followed.probabilities = blendAll(old.probabilities, fresh.probabilities, share);
    if (fresh.label) followed.label = leading(followed.probabilities, old.label);
  }
  return followed;
}

/** The likeliest label; the one that is shown stays until another leads by `LEAD`. */
function leading(probabilities, shown) {
  const [[top, most]] = Object.entries(probabilities).sort(([, a], [, b]) => b - a);
  return most > (probabilities[shown] ?? 0) + LEAD ? top : shown;
}

/** Intersection over union of two boxes, 0 to 1. */
export function overlap(one, other) {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  const both = Math.max(width, 0) * Math.max(height, 0);
  return both / (one.width * one.height + other.width * other.height - both);
}
