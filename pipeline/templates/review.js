"use strict";
(() => {
  const articles = [...document.querySelectorAll("article")];
  const filters = [...document.querySelectorAll(".filter")];
  const find = document.getElementById("find");
  const unfold = document.getElementById("unfold");
  const look = document.getElementById("look");
  const told = document.getElementById("told");
  const looks = ["as the system", "dark", "light"];
  let folded = null;
  document.querySelector(".tools").hidden = false;

  const pressed = (button) => button.getAttribute("aria-pressed") === "true";
  const press = (button, on) => button.setAttribute("aria-pressed", String(on));
  const shown = () => articles.filter((each) => !each.hasAttribute("data-out"));

  const show = () => {
    const kinds = filters.filter(pressed).map((each) => each.dataset.kind);
    const text = find.value.trim().toLowerCase();
    for (const each of articles) {
      const own = each.dataset.kinds.split(" ");
      const out = (kinds.length > 0 && !kinds.some((kind) => own.includes(kind)))
        || !each.dataset.name.toLowerCase().includes(text);
      each.toggleAttribute("data-out", out);
      const entry = document.querySelector(`[data-for="${each.id}"]`);
      if (entry) entry.toggleAttribute("data-out", out);
    }
    told.textContent = `${shown().length} of ${articles.length} shown`;
  };

  const move = (step) => {
    const open = shown();
    if (!open.length) return;
    const now = open.indexOf(document.activeElement.closest ? document.activeElement.closest("article") : null);
    const next = now < 0 ? (step > 0 ? 0 : open.length - 1) : Math.min(Math.max(now + step, 0), open.length - 1);
    open[next].focus();
    open[next].scrollIntoView({ block: "start" });
  };

  const fold = (within, open) => within.querySelectorAll("details").forEach((each) => { each.open = open; });

  filters.forEach((each) => each.addEventListener("click", () => { press(each, !pressed(each)); show(); }));
  find.addEventListener("input", show);
  unfold.addEventListener("click", () => { press(unfold, !pressed(unfold)); fold(document, pressed(unfold)); });
  look.addEventListener("click", () => {
    const next = looks[(looks.indexOf(document.documentElement.dataset.look || looks[0]) + 1) % looks.length];
    if (next === looks[0]) delete document.documentElement.dataset.look;
    else document.documentElement.dataset.look = next;
    look.textContent = `look: ${next}`;
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") {
      find.value = "";
      filters.forEach((each) => press(each, false));
      show();
      if (document.activeElement === find) find.blur();
      return;
    }
    if (document.activeElement === find) return;
    if (event.key === "/") { event.preventDefault(); find.focus(); }
    if (event.key === "j") move(1);
    if (event.key === "k") move(-1);
    if (event.key === "o") {
      const article = document.activeElement.closest("article");
      if (article) fold(article, [...article.querySelectorAll("details")].some((each) => !each.open));
    }
  });
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details")].filter((each) => !each.open);
    folded.forEach((each) => { each.open = true; });
  });
  window.addEventListener("afterprint", () => { (folded || []).forEach((each) => { each.open = false; }); });
  show();
})();
