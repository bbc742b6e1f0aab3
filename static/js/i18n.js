// Texts in the page's language; texts.js, which the server makes, has defined them by now.

export const { gettext, ngettext, words } = window;
export const language = document.documentElement.lang;

/** Puts named values into a text: fill("%(n)s faces", { n: 3 }). */
export const fill = (text, values) => window.interpolate(text, values, true);
