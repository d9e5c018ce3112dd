// What pages can do beyond reading and forms. Everything here is a convenience: without it every
// page says the same and every form works.

// A copy button stands in the page hidden; where the browser can copy, it is shown.
// data-copy names the element whose text is copied.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) button.hidden = false;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.textContent.replace(/\n$/, ""));
  const words = button.querySelector("span");
  const before = words.textContent;
  words.textContent = button.dataset.copied;
  setTimeout(() => (words.textContent = before), 1600);
});

// "/" leads to the search field, as on other portals for developers; Escape leaves it. The arrow
// keys walk through what was found.
const typing = (element) =>
  element.isContentEditable || /^(input|textarea|select)$/i.test(element.tagName);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const field = document.querySelector("main [data-search]") ?? document.querySelector("[data-search]");
  if (!field) return;
  if (event.key === "/" && !typing(event.target)) {
    event.preventDefault();
    field.focus();
    field.select();
  } else if (event.key === "Escape" && event.target === field) {
    field.blur();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    walk(event, field);
  }
});

// The field told what was typed while it was typed. That it changed, it tells once more when it is
// left, and to search again then would take away the link one has just walked to.
document.addEventListener(
  "change",
  (event) => {
    if (event.target.matches("[data-search]")) event.stopPropagation();
  },
  true,
);

function walk(event, field) {
  const links = [...document.querySelectorAll("[data-results] a[data-result]")];
  const at = links.indexOf(event.target);
  if (links.length === 0 || (at < 0 && event.target !== field)) return;
  event.preventDefault();
  const next = at + (event.key === "ArrowDown" ? 1 : -1);
  (next < 0 ? field : links[Math.min(next, links.length - 1)]).focus();
}

// A menu closes when something else is clicked, or by Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// What takes long says so from the moment it is sent; back on the page, it can be sent again.
const busy = (form, on) => {
  const words = form.querySelector("[data-busy]");
  if (!words) return;
  words.hidden = !on;
  for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = on;
};
document.addEventListener("submit", (event) => setTimeout(() => busy(event.target, true)));
addEventListener("pageshow", () => {
  for (const form of document.forms) busy(form, false);
});

// A file that is too large is told before it is sent, so that the rest of the form is kept.
document.addEventListener("change", (event) => {
  const most = event.target.dataset.mostBytes;
  if (!most) return;
  const large = [...event.target.files].some((file) => file.size > Number(most));
  event.target.setCustomValidity(large ? event.target.dataset.tooLarge : "");
  event.target.reportValidity();
});
