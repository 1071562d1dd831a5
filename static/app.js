// Comfort on top of pages that are complete without it. Text goes in as text: nothing here makes markup of strings.
const make = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};

// How long ago: in the title of every time, and beside those that ask for it.
const UNITS = [["year", 31536e6], ["month", 2592e6], ["day", 864e5], ["hour", 36e5], ["minute", 6e4]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const relative = (ms) => {
  const [unit, size] = UNITS.find(([, size]) => Math.abs(ms) >= size) ?? [];
  return unit ? words.format(Math.trunc(ms / size), unit) : "just now";
};
const tick = () => {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (isNaN(at)) continue;
    const ago = relative(at - Date.now());
    time.title = `${ago} · ${at.toLocaleString()}`;
    if (!time.classList.contains("ago")) continue;
    const note = time.querySelector("span") ?? time.appendChild(make("span", { className: "soft" }));
    note.textContent = ` · ${ago}`;
  }
};
tick();
setInterval(tick, 30000);

// Copy buttons appear only where copying works.
for (const box of document.querySelectorAll(".copy")) {
  if (!navigator.clipboard) break;
  const button = make("button", { type: "button", textContent: "Copy" });
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(box.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  box.append(button);
}

// The menu closes on Escape and on a click elsewhere.
const menu = document.querySelector("details.menu");
if (menu) {
  document.addEventListener("click", (event) => menu.contains(event.target) || (menu.open = false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

// A second click on the same form does nothing; the server would refuse it anyway.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent));

// A running job: its events by stream, or by reloading where streams do not pass.
const live = document.getElementById("job-live");
if (live?.dataset.events) {
  const log = live.querySelector(".steps");
  const pill = document.querySelector("#job-state .pill");
  const title = document.title;
  let seen = Number(live.dataset.seq);
  let reload;
  const reloadIn = (ms) => {
    clearTimeout(reload);
    reload = setTimeout(() => location.reload(), ms);
  };

  const icon = (name) => {
    const svg = pill.querySelector("svg").cloneNode(true);
    const use = svg.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name}`));
    svg.setAttribute("class", "i");
    return svg;
  };
  const step = (name, text, at) => {
    live.querySelector(".pad > p")?.remove();
    const before = log.lastElementChild;
    if (before) {
      before.className = "good";
      before.querySelector("svg").replaceWith(icon("check"));
      before.querySelector(".sr").textContent = " (succeeded)";
    }
    const lines = make("ol", { className: "log" });
    const word = make("span", { className: "sr", textContent: " (running)" });
    const item = make("li", { className: "info" }, icon("run"), make("h3", {}, text, word), lines);
    item.dataset.step = name;
    item.title = new Date(at).toLocaleString();
    log.append(item);
    return item;
  };
  const show = ({ seq, at, level, step: name, text }) => {
    if (seq <= seen) return;
    seen = seq;
    // Follow the end only for those who are already looking at it.
    const follow = innerHeight + scrollY >= document.body.scrollHeight - 80;
    let item = log.lastElementChild;
    if (level === "step" || item?.dataset.step !== name) item = step(name, level === "step" ? text : name, at);
    if (level === "step") item.id = `e${seq}`;
    else {
      const clock = new Date(at).toISOString().slice(11, 19);
      const link = make("a", { href: `#e${seq}`, textContent: clock });
      const line = make("li", { id: `e${seq}`, className: level }, link, make("span", { textContent: text }));
      item.querySelector(".log").append(line);
    }
    if (follow) scrollTo(0, document.body.scrollHeight);
  };

  // The stream opens with the state at once; silence means that something on the way holds it back.
  const stream = new EventSource(`${live.dataset.events}?after=${seen}`);
  reloadIn(5000);
  const heard = () => clearTimeout(reload);
  stream.addEventListener("event", (message) => (heard(), show(JSON.parse(message.data))));
  stream.addEventListener("state", (message) => {
    heard();
    const { state } = JSON.parse(message.data);
    pill.querySelector("span").textContent = state;
    document.title = title.replace(/^[^·]*/, `${state} `);
  });
  stream.addEventListener("done", () => {
    stream.close();
    location.reload();
  });
  stream.addEventListener("error", () => stream.readyState === EventSource.CLOSED && reloadIn(4000));
  addEventListener("pagehide", () => (clearTimeout(reload), stream.close()));
}
