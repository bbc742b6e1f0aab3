// The API tab: the request that gives this result, and its response.

import { el } from "./dom.js";
import { gettext } from "./i18n.js";

/**
 * `photoName` is the file's name if known, `address` the photo's; `store` is nothing, answers or pictures; `attributes`
 * are those asked for, if not the default ones.
 */
export function recipe(analysis, { photoName = "photo.jpg", address = null, store = "answers", attributes = "" }) {
  const call = curl(photoName, address, store, attributes);
  const copy = el("button", { type: "button", class: "button is-quiet" }, gettext("Copy"));
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(call);
      copy.textContent = gettext("Copied");
    } catch {
      // Without HTTPS there is no clipboard: select the text, so that the visitor can copy it.
      getSelection().selectAllChildren(copy.closest(".recipe").querySelector(".recipe-call"));
    }
  });
  return el("div", { class: "recipe" },
    el("p", {}, gettext("This command gives the same result:")),
    el("pre", { class: "recipe-call", tabindex: "0", "aria-label": "curl" }, el("code", {}, call)),
    el("p", { class: "recipe-tools" }, copy, el("a", { href: "/api/docs" }, gettext("Full API documentation"))),
    el("p", { class: "muted small" }, gettext("$KEY is your API key. The administrator of this server can create one with:"), " ",
      el("code", {}, "manage.py create_api_key NAME")),
    el("p", {}, gettext("Its answer:")),
    el("pre", { class: "recipe-answer", tabindex: "0", "aria-label": "JSON" }, el("code", {}, JSON.stringify(analysis, null, 2))));
}

const STORED = { nothing: "store.result=false", pictures: "store.image=true" };

function curl(photoName, address, store, attributes) {
  const inShell = (text) => text.replaceAll("'", "'\\''");
  const quoted = `'image=@"${inShell(photoName.replaceAll(/["\\]/g, "\\$&"))}"'`;
  const file = /^[\w.-]+$/.test(photoName) ? `image=@${photoName}` : quoted;
  const field = address ? `'url=${inShell(address)}'` : file;
  const stored = STORED[store] ? ` \\\n  -F ${STORED[store]}` : "";
  const asked = attributes ? ` \\\n  -F attributes=${attributes}` : "";
  return `curl -H "Authorization: Bearer $KEY" \\\n  -F ${field}${asked}${stored} \\\n  ${location.origin}/api/v1/analyses`;
}
