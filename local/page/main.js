// Start the page: read the address, load the list, and keep it up to date.

import { hasUnsavedEdits } from "./actions.js";
import { canReload, list, load, repaint } from "./list.js";
import { $ } from "./messages.js";
import { hasDraft } from "./new_task.js";
import { hasUnstored, sendStored } from "./outbox.js";
import { clearFilters, readAddress } from "./view.js";

const MINUTE = 60_000; // milliseconds
const REFRESH_FOR = 5 * MINUTE; // after the last key or click: an open page must not keep the database awake
let lastUse = Date.now();

addEventListener("beforeunload", (event) => {
  const writing = $("[aria-busy=true]:not([hidden])", list) || hasUnstored();
  if (hasDraft() || hasUnsavedEdits() || writing) event.preventDefault(); // makes the browser ask the user
});
for (const type of ["keydown", "pointerdown"])
  addEventListener(type, () => { lastUse = Date.now(); }, { capture: true, passive: true });

$("#view").addEventListener("changed", () => {
  $("#new-note").textContent = "";
  load(30);
});
$("#end button").onclick = clearFilters;
document.onvisibilitychange = () => document.hidden || load();

// The browser sends the list's ETag itself, so an unchanged list is a 304 without a body.
setInterval(() => {
  repaint();
  if (!document.hidden && canReload() && Date.now() - lastUse < REFRESH_FOR) load();
}, MINUTE);

readAddress();
load();
sendStored();
