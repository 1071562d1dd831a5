// Runs in every page that a test shows. Returns what is wrong with it, in sentences.
const wrong = [];
const must = (holds, sentence) => holds || wrong.push(sentence);
const all = (css) => [...document.querySelectorAll(css)];
const where = (node) => node.outerHTML.slice(0, 120);
const shown = (node) => node.checkVisibility({ visibilityProperty: true });
const narrow = matchMedia("(max-width: 640px)").matches;

// What a screen reader needs first.
must(document.documentElement.lang === "en", "The language is not said.");
must(document.title.trim() !== "", "The page has no title.");
must(all("h1").length === 1, `There are ${all("h1").length} h1.`);
for (const css of ["header.top", "main#main", "footer"]) must(all(css).length === 1, `There are ${all(css).length} of ${css}.`);
let level = 1;
for (const heading of all("main :is(h1, h2, h3, h4)")) {
  const next = Number(heading.tagName[1]);
  must(next <= level + 1, `A heading jumps from ${level} to ${next}: ${where(heading)}`);
  level = next;
}
for (const input of all("input:not([type=hidden]), select, textarea")) must(input.labels?.length > 0, `No label: ${where(input)}`);
for (const link of all("a, button, summary")) must((link.textContent + (link.ariaLabel ?? "")).trim() !== "", `No name: ${where(link)}`);
for (const nav of all("nav, aside")) must(nav.ariaLabel || nav.hasAttribute("aria-labelledby"), `No name: ${where(nav)}`);
for (const node of all("[aria-labelledby], [aria-describedby]")) {
  const ids = `${node.getAttribute("aria-labelledby") ?? ""} ${node.getAttribute("aria-describedby") ?? ""}`.trim().split(/\s+/);
  for (const id of ids) must(document.getElementById(id), `Nothing has the id ${id}: ${where(node)}`);
}
const ids = all("[id]").map((node) => node.id);
for (const id of ids) must(ids.indexOf(id) === ids.lastIndexOf(id), `Two elements have the id ${id}.`);
must(all("main .primary, main .danger").filter(shown).length <= 1, "More than one thing to do next.");

must(!/[\u202a-\u202e\u2066-\u2069\u200b]/.test(document.documentElement.outerHTML), "Text can turn its neighbours around.");

// Nothing beyond the edge, nothing too small for a thumb.
const edge = narrow ? 360 : innerWidth;
must(document.scrollingElement.scrollWidth <= edge, `It scrolls sideways: ${document.scrollingElement.scrollWidth} > ${edge}.`);
for (const node of all("main .card > *, main .say, main h1, main button, main .btn")) {
  const box = node.getBoundingClientRect();
  must(!shown(node) || box.width === 0 || box.right <= edge + 1, `Beyond the edge: ${where(node)}`);
}
if (narrow) {
  for (const node of all("main button, main .btn, main input:not([type=hidden])").filter(shown)) {
    if (node.closest(".copy, .seg")) continue;
    must(node.getBoundingClientRect().height >= 40, `Too small for a thumb: ${where(node)}`);
  }
}

// Readable: the contrast of WCAG AA, against the nearest background that is a colour.
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return canvas.getImageData(0, 0, 1, 1).data;
};
const light = ([r, g, b]) => [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
const ground = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (style.backgroundImage !== "none") return null;
    const colour = rgba(style.backgroundColor);
    if (colour[3] === 255) return colour;
    if (colour[3] !== 0) return null;
  }
  return rgba("Canvas");
};
for (const node of all("body *")) {
  if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()) || !shown(node)) continue;
  const back = ground(node);
  if (!back || node.closest(".skip, .sr")) continue;
  const [a, b] = [light(rgba(getComputedStyle(node).color)), light(back)].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  must(ratio >= 4.5, `Contrast ${ratio.toFixed(2)}: ${where(node)}`);
}

// Light, and from here only.
const kilobytes = (entry) => entry.decodedBodySize / 1000;
for (const entry of performance.getEntriesByType("navigation")) must(kilobytes(entry) <= 30, `The page has ${kilobytes(entry)} kB.`);
for (const entry of performance.getEntriesByType("resource")) {
  must(new URL(entry.name).origin === location.origin, `Asked elsewhere: ${entry.name}`);
  if (entry.name.endsWith(".css")) must(kilobytes(entry) <= 12, `The style has ${kilobytes(entry)} kB.`);
  if (entry.name.endsWith(".js")) must(kilobytes(entry) <= 6, `The script has ${kilobytes(entry)} kB.`);
}
return wrong;
