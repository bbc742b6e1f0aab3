// The page of collections: makes a new one and goes there.

import { collectionCreate } from "./collections.js";
import { clearError, showError } from "./errors.js";

const form = document.getElementById("make");
const error = document.getElementById("error");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearError(error);
  const button = form.querySelector(".button");
  button.disabled = true;
  try {
    const made = await collectionCreate(form.elements.name.value.trim(), Number(form.elements.days.value) || null);
    location.assign(`/people/${made.id}/${form.dataset.go}`);
  } catch (problem) {
    button.disabled = false;
    showError(error, problem);
  }
});
