"use strict";
(() => {
  const all = (selector, place = document) => [...place.querySelectorAll(selector)];
  const root = document.documentElement;

  // Colours: as the system has them, until somebody says otherwise.
  const themes = ["auto", "light", "dark"];
  const toggle = document.getElementById("theme");
  const paint = (theme) => {
    theme === "auto" ? root.removeAttribute("data-theme") : root.setAttribute("data-theme", theme);
    toggle.textContent = `Theme: ${theme}`;
    toggle.dataset.now = theme;
  };
  const kept = { get: () => { try { return localStorage.getItem("theme"); } catch { return null; } },
                 set: (theme) => { try { localStorage.setItem("theme", theme); } catch { /* a page without storage */ } } };
  paint(themes.includes(kept.get()) ? kept.get() : "auto");
  toggle.addEventListener("click", () => {
    const next = themes[(themes.indexOf(toggle.dataset.now) + 1) % themes.length];
    paint(next);
    kept.set(next);
  });

  // Tables: a click on the head of a column sorts, again turns it round; what is missing stays last.
  const value = (row, place) => {
    const cell = row.cells[place];
    return cell.dataset.v ?? cell.textContent.trim();
  };
  const sort = (button) => {
    const head = button.closest("th"), table = head.closest("table"), body = table.tBodies[0];
    const place = head.cellIndex, down = head.getAttribute("aria-sort") === "ascending";
    const numeric = head.classList.contains("n");
    const key = (row) => (numeric ? Number(value(row, place).replaceAll(",", "")) : value(row, place));
    const isNothing = (row) => row.cells[place].classList.contains("null") || (numeric && Number.isNaN(key(row)));
    const keyed = [...body.rows].map((row) => [isNothing(row), key(row), row]);
    const order = numeric ? (a, b) => a - b : new Intl.Collator("en", { numeric: true }).compare;
    keyed.sort(([aNull, a], [bNull, b]) => aNull - bNull || (down ? order(b, a) : order(a, b)));
    body.append(...keyed.map(([, , row]) => row));
    all("[aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  };

  // A row is seen when its text has every word of the filter, and its head is the chosen one.
  const heads = document.getElementById("head");
  const chosen = () => (heads ? heads.value : "");
  const isOf = (place) => !chosen() || !place.dataset.heads || JSON.parse(place.dataset.heads).includes(chosen());
  const sift = (holder) => {
    const field = holder.querySelector("input.filter"), rows = [...holder.querySelector("tbody").rows];
    const words = (field ? field.value : "").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(isOf(row) && words.every((word) => text.includes(word)));
      shown += !row.hidden;
    }
    const count = holder.querySelector(".count");
    if (count) count.textContent = shown === rows.length ? count.dataset.all : `${shown} of ${count.dataset.all}`;
  };
  const siftAll = () => {
    all("[data-heads]:not(tr)").forEach((place) => { place.hidden = !isOf(place); });
    all("section.report").forEach((place) => {
      const runs = all("article", place);
      place.hidden = runs.length > 0 && runs.every((run) => run.hidden);
      const line = document.querySelector(`.contents [data-for="${CSS.escape(place.id)}"]`);
      if (line) line.hidden = place.hidden;
    });
    all(".table").forEach(sift);
  };
  if (heads) heads.addEventListener("change", siftAll);
  document.addEventListener("input", (event) => {
    if (event.target.matches("input.filter")) sift(event.target.closest(".table"));
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("thead button");
    if (button) sort(button);
  });
  // Everything that a rounded number says, while the pointer is on it.
  document.addEventListener("mouseover", (event) => {
    const cell = event.target.closest("td[data-v]");
    if (cell && !cell.title) cell.title = cell.dataset.v;
  });

  // What goes on beyond the right edge fades there, so that a bar that is cut is not taken for a bar that ends.
  const fade = (place) => place.classList.toggle("more", place.scrollWidth - place.clientWidth - place.scrollLeft > 2);
  const sized = new ResizeObserver((entries) => entries.forEach(({ target }) => fade(target)));
  all(".picture, .scroll").forEach((place) => {
    sized.observe(place);
    place.addEventListener("scroll", () => fade(place), { passive: true });
  });

  // A narrow window has no room for the contents beside the page.
  const menu = document.querySelector(".contents > details"), narrow = matchMedia("(max-width: 62rem)");
  if (menu) {
    const fit = () => { menu.open = !narrow.matches; };
    fit();
    narrow.addEventListener("change", fit);
    menu.addEventListener("click", (event) => { if (event.target.closest("a")) fit(); });
  }

  // A link into something that is folded or filtered away opens it.
  const reveal = () => {
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!place) return;
    if (place.closest("[hidden]") && heads) { heads.value = ""; siftAll(); }
    for (let up = place; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    place.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();
  siftAll();

  // Paper cannot unfold.
  let folded = [];
  addEventListener("beforeprint", () => { folded = all("details:not([open])"); folded.forEach((place) => { place.open = true; }); });
  addEventListener("afterprint", () => folded.forEach((place) => { place.open = false; }));

  // The line of the contents that is being read.
  const lines = new Map(all(".contents a").map((line) => [decodeURIComponent(line.hash.slice(1)), line]));
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      lines.forEach((line) => line.removeAttribute("aria-current"));
      lines.get(target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  lines.forEach((_, id) => { const place = document.getElementById(id); if (place) seen.observe(place); });
})();
