// Faces followed from frame to frame, with answers that do not flicker.

import { follow, overlap, settle } from "./smoothing.js";

// After so many seconds without being found, a face that comes back is a new one; after many, whatever was looked at.
const FADING_S = 0.7;
const GONE_S = 5;

export class Tracks {
  constructor() {
    Object.assign(this, { all: [], next: 0 });
  }

  /** Takes the faces of a frame, which was taken at `time` in seconds; returns the tracks that are in view, by number. */
  update(faces, time) {
    this.all = this.all.filter((track) => time - track.time < (track.missed ? FADING_S : GONE_S));
    const free = new Set(faces);
    // The best pairs of all first, so that two faces beside each other keep their tracks.
    const pairs = this.all.flatMap((track) => faces.map((face) => [overlap(track.face.box, face.box), track, face]));
    const seen = new Set();
    for (const [shared, track, face] of pairs.sort(([a], [b]) => b - a)) {
      if (shared < 0.25 || seen.has(track) || !free.delete(face)) continue;
      seen.add(track);
      track.face = follow(track.face, face, time - track.time);
      Object.assign(track, { time, raw: face, missed: false });
    }
    for (const face of free) this.all.push({ number: ++this.next, time, raw: face, missed: false, face: settle(face) });
    for (const track of this.all) track.missed ||= track.time !== time;
    return this.all.filter((track) => track.time === time);
  }
}
