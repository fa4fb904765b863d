// Comfort only: every page works without this file. Nothing here moves by itself while somebody reads.
"use strict";

document.documentElement.classList.add("scripted");

// <button type="button" class="quiet needs-script" data-copy="#codename" data-done="Copied">
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) {
    button.remove(); // a page without TLS has none
    continue;
  }
  button.addEventListener("click", async () => {
    const source = document.querySelector(button.dataset.copy);
    await navigator.clipboard.writeText(source.value ?? source.textContent.replace(/\s+/g, " ").trim());
    if (button.dataset.done) button.textContent = button.dataset.done;
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}

// What was typed is not lost by a slip: leaving asks first. Nothing is kept in the browser.
for (const form of document.querySelectorAll("form[data-keep]")) {
  let typed = false;
  form.addEventListener("input", () => (typed = true));
  form.addEventListener("submit", () => (typed = false));
  window.addEventListener("beforeunload", (event) => {
    if (typed) event.preventDefault();
  });
}

// Paper shows what is behind a disclosure.
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open])")) {
    details.dataset.closed = "";
    details.open = true;
  }
});
window.addEventListener("afterprint", () => {
  for (const details of document.querySelectorAll("details[data-closed]")) {
    delete details.dataset.closed;
    details.open = false;
  }
});

// After a form came back, the list of what to look at is read first.
document.getElementById("errors")?.focus();
