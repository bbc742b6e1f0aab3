// The photos of this visit: uploads and analyzes them, a few at a time, and reports their progress.

import { ApiError, analysisCreate } from "./api.js";
import { fill, gettext } from "./i18n.js";
import { createStage } from "./stage.js";
import { uprightUrl } from "./upright.js";

// As many as the server analyzes in parallel; more would only wait there.
const AT_ONCE = 2;

export const State = Object.freeze({ WAITING: "waiting", UPLOADING: "uploading", DESCRIBING: "describing", DONE: "done", FAILED: "failed" });

export class Photos {
  /** `onChange` gets every photo whose state or progress changed; `keep()` says whether to store a new photo. */
  constructor({ onChange, keep, maxBytes }) {
    this.all = [];
    this.onChange = onChange;
    this.keep = keep;
    this.maxBytes = maxBytes;
  }

  get done() {
    return this.all.filter((photo) => photo.state === State.DONE);
  }

  /** Adds the files as photos that wait; `next()` begins with them. */
  async add(files) {
    const keep = this.keep();
    const added = await Promise.all([...files].map(async (file) => ({
      file, name: file.name, url: await uprightUrl(file), keep, state: State.WAITING, share: 0,
    })));
    for (const photo of added) photo.figure = createStage(photo.url, photo.name);
    this.all.push(...added);
    return added;
  }

  retry(photo) {
    this.become(photo, State.WAITING, { share: 0, error: null });
    this.next();
  }

  /** Removes a photo, and cancels its upload. */
  remove(photo) {
    this.all = this.all.filter((other) => other !== photo);
    photo.controller?.abort();
    URL.revokeObjectURL(photo.url);
    this.next();
  }

  next() {
    const busy = this.all.filter(({ state }) => state === State.UPLOADING || state === State.DESCRIBING).length;
    const waiting = this.all.filter(({ state }) => state === State.WAITING);
    for (const photo of waiting.slice(0, Math.max(0, AT_ONCE - busy))) this.describe(photo);
  }

  async describe(photo) {
    photo.controller = new AbortController();
    this.become(photo, State.UPLOADING);
    const onProgress = (share) => this.become(photo, share < 1 ? State.UPLOADING : State.DESCRIBING, { share });
    try {
      this.refuseTooLarge(photo.file);
      const { keep, controller } = photo;
      const analysis = await analysisCreate(photo.file, { keep, onProgress, signal: controller.signal });
      this.become(photo, State.DONE, { analysis });
    } catch (error) {
      if (error.code !== "cancelled") this.become(photo, State.FAILED, { error });
    }
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

/** Describes a photo's progress in words. */
export function progressWords({ state, share }) {
  if (state === State.WAITING) return gettext("Waiting");
  if (state === State.UPLOADING) return fill(gettext("Uploading… %(share)s"), { share: `${Math.round(share * 100)} %` });
  return gettext("Finding and analyzing the faces…");
}
