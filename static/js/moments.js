// Keeps a still when an expression holds: the moment of the hold in which it was clearest.

const HOLD_S = 0.5;
const CLEAR = 0.6;

export class Moments {
  /** `onMoment` gets the canvas of a frame and the probability that its face has the expression. */
  constructor(onMoment) {
    Object.assign(this, { onMoment, holds: new Map() });
  }

  /** Looks for `expression` in the tracks of a frame that was taken at `time` in seconds; `copy()` copies its picture. */
  look(tracks, expression, time, copy) {
    const holding = new Map();
    for (const { number, raw } of tracks) {
      const share = raw.attributes.expression?.probabilities[expression] ?? 0;
      if (share < CLEAR) continue;
      const hold = this.holds.get(number) ?? { since: time, share: 0, picture: null, done: false };
      if (!hold.done && share > hold.share) Object.assign(hold, { share, picture: copy() });
      if (!hold.done && time - hold.since >= HOLD_S) {
        this.onMoment(hold.picture, hold.share);
        Object.assign(hold, { done: true, picture: null });
      }
      holding.set(number, hold);
    }
    // Who stops and smiles again is kept again.
    this.holds = holding;
  }
}
