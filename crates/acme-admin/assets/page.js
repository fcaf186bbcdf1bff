// What the pages do with JavaScript beside htmx: countdowns, and parts that the server sends anew.
// Without it the pages tell the same as of the time they were asked for.
"use strict";

// The server tells how long is left, so that a wrong clock here does not matter.
const seen = new WeakMap();

function spell(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
}

function tick() {
  const now = performance.now();
  for (const element of document.querySelectorAll("[data-left-ms]")) {
    if (!seen.has(element)) seen.set(element, now);
    const left = Number(element.dataset.leftMs) - (now - seen.get(element));
    const seconds = Math.ceil(left / 1000);
    const text = seconds > 0 ? `in ${spell(seconds)}` : "now";
    if (element.textContent !== text) element.textContent = text;
  }
}

function follow(part) {
  const source = new EventSource(part.dataset.live);
  const told = document.getElementById("live-state");
  const tell = (text) => {
    if (told && told.textContent !== text) told.textContent = text;
  };
  source.addEventListener("part", (event) => {
    // The server escapes what others wrote; the content security policy runs no script in it.
    part.innerHTML = event.data;
    tell("Changes are shown as they happen.");
    tick();
  });
  source.addEventListener("error", () => tell("The connection is lost; it is tried again."));
  // A stream that stays open keeps a page that is left from being put away.
  window.addEventListener("pagehide", () => source.close());
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-live]").forEach(follow);
  tick();
  setInterval(tick, 250);
});
