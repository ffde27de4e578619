// Start the page: read the address, show the list, and keep it up to date.

import { hasUnsavedEdits } from "./actions.js";
import { follow, isUsed, onChange, sync } from "./follow.js";
import { load, refresh, repaint } from "./list.js";
import { $, setCounter } from "./messages.js";
import { hasDraft } from "./new_task.js";
import "./trash.js";
import { clearFilters, readAddress, refreshSummary } from "./view.js";

const MINUTE = 60_000; // milliseconds

addEventListener("beforeunload", (event) => {
  const isUnsaved = !sync.isKept && sync.entries().length > 0;
  if (hasDraft() || hasUnsavedEdits() || isUnsaved) event.preventDefault(); // makes the browser ask the user
});
$("#view").addEventListener("changed", () => {
  $("#new-note").textContent = "";
  load();
});
$("#end button").onclick = clearFilters;
setInterval(repaint, MINUTE);

// Without a copy, the list is read again; the browser sends its ETag, so an unchanged list is a 304.
document.addEventListener("visibilitychange", () => document.hidden || refresh());
setInterval(() => isUsed() && refresh(), MINUTE);
let waiting = 0;
onChange(() => {
  const before = waiting;
  waiting = sync.entries().length;
  if (!sync.isComplete && waiting < before) refreshSummary();
});

// Keep the page's own files, for a reload without a network; the worker keeps them up to date.
if (navigator.serviceWorker && !navigator.serviceWorker.controller)
  navigator.serviceWorker.register("worker.js").then(async () => {
    const files = performance.getEntriesByType("resource").map(({ name }) => name);
    const own = files.filter((name) => /\.(js|css)$/.test(name) && name.startsWith(location.origin));
    await (await caches.open("the page's files")).addAll([`${location.origin}/`, ...own]);
  }).catch(() => {}); // then only the copy is kept

setCounter(() => sync.entries().filter(({ answer }) => !answer).length);
readAddress();
await sync.load();
load();
follow();
