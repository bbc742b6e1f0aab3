// Downloads analyses as files: JSON as the API gives it, and the server's table as CSV.

import { analysesCsv } from "./api.js";
import { download } from "./annotate.js";
import { el } from "./dom.js";
import { fill, gettext } from "./i18n.js";

/** Buttons that export the pairs of photo name and analysis that `collect` returns, directly or as a promise. */
export function exportButtons(collect, onError, ofSeveral = false) {
  return ["json", "csv"].map((kind) => {
    const name = { kind: kind.toUpperCase() };
    const words = ofSeveral ? fill(gettext("All as %(kind)s"), name) : name.kind;
    const button = el("button", { type: "button", class: "button is-quiet", title: fill(gettext("Export as %(kind)s"), name) }, words);
    button.addEventListener("click", () => exportAs(kind, collect).catch(onError));
    return button;
  });
}

export async function exportAs(kind, collect) {
  const pairs = await collect();
  const analyses = pairs.map(([, analysis]) => analysis);
  const name = analyses.length === 1 ? `xcloud-${(analyses[0].id ?? analyses[0].image.sha256).slice(0, 8)}` : `xcloud-${analyses.length}`;
  if (kind === "csv") download(`${name}.csv`, await analysesCsv(pairs.map(([photo, { id }]) => [id, photo])));
  else download(`${name}.json`, new Blob([json(analyses)], { type: "application/json" }));
}

const json = (analyses) => `${JSON.stringify(analyses.length === 1 ? analyses[0] : analyses, null, 2)}\n`;
