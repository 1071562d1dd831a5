// Comfort on top of pages that are complete without it. Nothing here makes markup of strings.
const all = (css) => document.querySelectorAll(css);
const byId = (id) => document.getElementById(id);
const make = (tag, props, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};

// How long ago: in the title of every time, and beside those that ask for it.
const UNITS = [["year", 31536e6], ["month", 2592e6], ["day", 864e5], ["hour", 36e5], ["minute", 6e4]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const tick = () => {
  for (const time of all("time[datetime*=T]")) {
    const at = new Date(time.dateTime);
    const ms = at - Date.now();
    const [unit, size] = UNITS.find(([, size]) => Math.abs(ms) >= size) ?? [];
    const ago = unit ? words.format(Math.trunc(ms / size), unit) : "just now";
    time.title = `${ago} · ${at.toLocaleString()}`;
    if (!time.classList.contains("ago")) continue;
    const note = time.querySelector("span") ?? time.appendChild(make("span", { className: "soft" }));
    note.textContent = ` · ${ago}`;
  }
};
tick();
setInterval(tick, 3e4);

// Copy buttons, where copying works.
for (const box of navigator.clipboard ? all(".copy") : []) {
  const button = make("button", { type: "button" }, "Copy");
  button.onclick = async () => {
    await navigator.clipboard.writeText(box.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2e3);
  };
  box.append(button);
}

// The menu closes on Escape and on a click elsewhere.
const [menu] = all(".menu");
for (const kind of ["click", "keydown"]) {
  addEventListener(kind, ({ key, target }) => {
    if (!menu?.open || (key ? key !== "Escape" : menu.contains(target))) return;
    menu.open = false;
    if (key) menu.querySelector("summary").focus();
  });
}

// A second click on a form does nothing.
addEventListener("submit", (event) => {
  const { dataset, method } = event.target;
  if (dataset.sent) event.preventDefault();
  if (method === "post") dataset.sent = "yes";
});
addEventListener("pageshow", () => all("[data-sent]").forEach((form) => delete form.dataset.sent));

// A link to a line opens the step that it is in.
const reveal = () => byId(location.hash.slice(1))?.closest("details")?.setAttribute("open", "");
reveal();
addEventListener("hashchange", reveal);

// A running job: by stream, or by asking again where streams do not pass.
const live = byId("job-live");
if (live?.dataset.events) {
  const { events, state: shown } = live.dataset;
  const log = live.querySelector(".steps");
  const bar = byId("job-bar");
  let seen = Number(live.dataset.seq);
  let top = scrollY;
  let moved, timer, wait = 2e3;

  // Follow the end until somebody scrolls back or goes elsewhere.
  let follow = !location.hash;
  const button = byId("job-pause");
  const set = (on) => {
    follow = on;
    button.textContent = on ? "Pause" : moved ? "Reload" : "Resume";
    if (on) moved ? location.reload() : scrollTo(0, 1e9);
  };
  button.hidden = false;
  button.onclick = () => set(!follow);
  addEventListener("scroll", () => {
    if (scrollY < top && innerHeight + scrollY < document.body.scrollHeight - 9) set(false);
    top = scrollY;
  });
  addEventListener("focusin", ({ target }) => target !== button && set(false));

  const step = (name, text) => {
    byId("job-empty")?.remove();
    const before = log.lastElementChild;
    if (before) {
      before.className = "good";
      before.querySelector("svg").replaceWith(byId("job-good").content.cloneNode(true));
      before.querySelector(".sr").textContent = " (succeeded)";
    }
    log.append(byId("job-step").content.cloneNode(true));
    const item = log.lastElementChild;
    item.dataset.step = name;
    item.querySelector("h3").prepend(text);
    return item;
  };
  const event = ({ seq, at, level, step: name, text }) => {
    if (seq <= seen) return;
    seen = seq;
    const id = `e${seq}`;
    if (level === "step") step(name, text).id = id;
    else {
      if (log.lastElementChild?.dataset.step !== name) step(name, name);
      const lines = log.lastElementChild.querySelector(".log");
      const link = make("a", { href: `#${id}` }, at.slice(11, 19));
      lines.append(make("li", { id, className: level }, link, make("span", {}, text)));
      // A page must not grow for hours.
      if (lines.children.length > 2e3) lines.firstChild.remove();
    }
    if (follow) set(true);
  };
  const progress = ({ words, done, total }) => {
    byId("job-count").textContent = words;
    Object.assign(bar, { hidden: !total, max: total || 1, value: done || 0 });
  };
  // The server prints it anew, but not while somebody reads.
  const state = ({ state, note }) => {
    byId("job-state").querySelector(".pill span").textContent = state;
    document.title = document.title.replace(/^[^·]*/, `${state} `);
    moved ||= state + note !== shown;
    if (moved) set(follow);
  };

  const ask = async () => {
    stream.close();
    try {
      const answer = await fetch(`${events}.json?after=${seen}`);
      if (answer.redirected) return location.reload();
      const now = await answer.json();
      wait = now.events.length ? 2e3 : Math.min(wait * 1.5, 1e4);
      now.events.forEach(event);
      progress(now.progress);
      state(now);
      if (now.over) return;
    } catch {
      wait = 1e4;
    }
    timer = setTimeout(ask, wait);
  };

  // A stream speaks at once; silence means that it is held back.
  const stream = new EventSource(`${events}?after=${seen}`);
  timer = setTimeout(ask, 5e3);
  for (const [name, take] of Object.entries({ event, progress, state, done: () => stream.close() })) {
    stream.addEventListener(name, ({ data }) => {
      clearTimeout(timer);
      take(JSON.parse(data));
    });
  }
  stream.onerror = () => stream.readyState === 2 && (timer = setTimeout(ask, wait));
}
