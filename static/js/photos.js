// The photos of this visit: uploads and analyzes them, a few at a time, and reports their progress.

import { ApiError, analysisCreate, previewCreate } from "./api.js";
import { cannotPass, mayPass } from "./errors.js";
import { fill, gettext } from "./i18n.js";
import { canShow, stillUrl } from "./still.js";

// As many as the server analyzes in parallel; more would only wait there.
const AT_ONCE = 2;
// Pauses before the queue goes on by itself, in milliseconds.
const PAUSES = [5000, 15_000, 60_000];

export const State = Object.freeze({ WAITING: "waiting", UPLOADING: "uploading", DESCRIBING: "describing", DONE: "done", FAILED: "failed" });

export class Photos {
  /**
   * `onChange` gets every photo whose state or progress changed; `onPause` gets the error that stopped the queue, or
   * null when it goes on; `how()` says what to ask and keep of a new photo: { store, attributes, subject, vectors }.
   */
  constructor({ onChange, onPause, how, maxBytes }) {
    Object.assign(this, { all: [], onChange, onPause, how, maxBytes, paused: null, pauses: 0 });
  }

  get done() {
    return this.all.filter((photo) => photo.state === State.DONE);
  }

  get open() {
    return this.all.filter(({ state }) => state !== State.DONE && state !== State.FAILED);
  }

  get failed() {
    return this.all.filter(({ state, error }) => state === State.FAILED && !cannotPass(error));
  }

  /** Adds files as photos that wait; `next()` begins with them. */
  async add(files) {
    const how = this.how();
    const added = [];
    // One after another, because some are read to find out how they lie and whether they move.
    for (const file of files) added.push({ file, name: file.name, url: await stillUrl(file), ...how, state: State.WAITING, share: 0 });
    this.all.push(...added);
    return added;
  }

  /** Adds the photo at an address, which the server fetches. */
  addAddress(address) {
    const { pathname, hostname } = new URL(address);
    const name = decoded(pathname.split("/").pop()) || hostname;
    const photo = { address, name, url: null, ...this.how(), state: State.WAITING, share: 0 };
    this.all.push(photo);
    return photo;
  }

  retry(...photos) {
    for (const photo of photos) this.become(photo, State.WAITING, { share: 0, error: null });
    this.next();
  }

  /** Removes a photo, and cancels its upload. */
  remove(photo) {
    this.all = this.all.filter((other) => other !== photo);
    photo.controller?.abort();
    if (photo.url) URL.revokeObjectURL(photo.url);
    if (this.all.length === 0) this.resume();
    this.next();
  }

  next() {
    if (this.paused) return;
    const busy = this.all.filter(({ state }) => state === State.UPLOADING || state === State.DESCRIBING).length;
    const waiting = this.all.filter(({ state }) => state === State.WAITING);
    for (const photo of waiting.slice(0, Math.max(0, AT_ONCE - busy))) this.describe(photo);
  }

  async describe(photo) {
    photo.controller = new AbortController();
    this.become(photo, State.UPLOADING);
    const onProgress = (share) => this.become(photo, share < 1 ? State.UPLOADING : State.DESCRIBING, { share });
    try {
      if (photo.file) this.refuseTooLarge(photo.file);
      if (!photo.url) photo.url = URL.createObjectURL(await previewCreate(photo));
      const { store, chips, attributes, subject, vectors, controller } = photo;
      const analysis = await analysisCreate(photo, { store, chips, attributes, subject, vectors, onProgress, signal: controller.signal });
      await this.makeVisible(photo);
      this.pauses = 0;
      this.become(photo, State.DONE, { analysis });
    } catch (error) {
      if (mayPass(error)) this.pause(photo, error);
      else if (error.code !== "cancelled") this.become(photo, State.FAILED, { error });
    }
    this.next();
  }

  /** Replaces a photo that the browser cannot show by the server's preview, if there is one. */
  async makeVisible(photo) {
    if (await canShow(photo.url)) return;
    const preview = await previewCreate(photo).catch(() => null);
    if (preview) Object.assign(photo, { url: URL.createObjectURL(preview), figure: null });
  }

  /** Lets all photos wait after an error that has nothing to do with the photo: they lose nothing and go on later. */
  pause(photo, error) {
    this.become(photo, State.WAITING, { share: 0 });
    if (this.paused || !this.all.includes(photo)) return;
    this.paused = error;
    this.onPause(error);
    if (error.code !== "unauthenticated" && error.code !== "forbidden") {
      this.timer = setTimeout(() => this.resume(), PAUSES[Math.min(this.pauses++, PAUSES.length - 1)]);
    }
  }

  resume() {
    if (!this.paused) return;
    clearTimeout(this.timer);
    this.paused = null;
    this.onPause(null);
    this.next();
  }

  /** Checks the size before the upload, because a server that refuses a body unread closes the connection. */
  refuseTooLarge({ size }) {
    if (size <= this.maxBytes) return;
    const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
    const message = gettext("This file has %(size)s; the limit is %(most)s.");
    throw new ApiError(0, "image_too_large", fill(message, { size: megabytes(size), most: megabytes(this.maxBytes) }));
  }

  become(photo, state, values = {}) {
    const moved = photo.state !== state;
    Object.assign(photo, { state, ...values });
    if (this.all.includes(photo)) this.onChange(photo, moved);
  }
}

/** A part of an address as people read it; as it is if it has a lone "%". */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Describes a photo's progress in words. */
export function progressWords({ state, share }) {
  if (state === State.WAITING) return gettext("Waiting");
  if (state === State.UPLOADING) return fill(gettext("Uploading… %(share)s"), { share: `${Math.round(share * 100)} %` });
  return gettext("Finding and analyzing the faces…");
}
