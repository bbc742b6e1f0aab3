// The names of the photos' files. Only this browser knows them: the server keeps none.

const KEY = "xcloud.names";
const MOST = 500;

const read = () => {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
};

function write(pairs) {
  try {
    localStorage.setItem(KEY, JSON.stringify(pairs));
  } catch {
    // Full, or turned off: the page works without names.
  }
}

/** Remembers the last few hundred; ids of analyses are those of one server. */
export function rememberName(id, name) {
  write([...read().filter(([other]) => other !== id), [id, name.slice(0, 200)]].slice(-MOST));
}

export function forgetName(id) {
  write(read().filter(([other]) => other !== id));
}

/** Writes the names into the rows of a list that have a place for them. */
export function showNames(root) {
  const names = new Map(read());
  for (const row of root.querySelectorAll("[data-id]")) {
    const place = row.querySelector("[data-name]");
    const name = names.get(row.dataset.id);
    if (place && name) Object.assign(place, { textContent: name, title: name, hidden: false });
  }
}
