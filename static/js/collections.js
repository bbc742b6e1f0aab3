// Talks to the API about collections of people.

import { request } from "./api.js";

const at = (id, rest = "") => `/collections/${id}${rest}`;

export const collectionCreate = (name, days) => request("POST", "/collections", { name, ttl_days: days });
export const collectionRename = (id, name) => request("PATCH", at(id), { name });
export const collectionDelete = (id) => request("DELETE", at(id));
export const facesOf = (id, subject) => request("GET", at(id, `/faces?${new URLSearchParams({ subject, page_size: 100 })}`));
export const faceRemove = (id, face) => request("DELETE", at(id, `/faces/${face}`));
export const personErase = (id, subject) => request("DELETE", at(id, `/subjects/${encodeURIComponent(subject)}`));
export const photoSearch = (id, image) => request("POST", at(id, "/search"), form({ image }));
export const facesFind = (image) => request("POST", "/detections", form({ image }));

/** Enrols one face of a photo; `face` is its index if there are several, `accept` the refusals that are overruled. */
export const faceEnrol = (id, { image, subject, consent, face, accept }) =>
  request("POST", at(id, "/faces"), form({ image, subject, consent, face, accept: accept?.join(",") }));

function form(fields) {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined && value !== null && value !== "") made.append(name, value);
  return made;
}

/** Groups the faces of the visitor's analyses whose vectors were kept and whom the collection does not know. */
export const unknownGroup = (id) => request("POST", at(id, "/unknown"), {});
export const unknownList = (id) => request("GET", at(id, "/unknown?page_size=50"));
export const groupName = (id, group, subject, consent, accept) => request("POST", at(id, `/unknown/${group}/name`), { subject, consent, accept });
export const groupMerge = (id, group, other) => request("POST", at(id, `/unknown/${group}/merge`), { group: other });
export const groupReject = (id, group, { analysis, index }) => request("POST", at(id, `/unknown/${group}/reject`), { face: { analysis, index } });
