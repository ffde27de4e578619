// New tasks are shown at once and sent in order, each with its own key until it is
// answered. The browser's storage keeps them, so that closing the page loses none.

import { call, tasksPath, user } from "./api.js";
import { normalized } from "./dates.js";
import { arrange, describeList, forget, hasMore, items, list, load, paintDetails, place, show } from "./list.js";
import { $, fromTemplate, say } from "./messages.js";
import { changes, EMPTY, fillForm, isValid, showRefusal } from "./task_form.js";
import { belongs, refreshSummary } from "./view.js";

const outbox = new Map(); // by key: { key, body, element, stored, refused }
const storagePrefix = `unsent ${encodeURIComponent(user)} `;
let sending = false;
let lastNumber = 0;

/** Return whether a task waits that the browser's storage doesn't keep. */
export const hasUnstored = () => [...outbox.values()].some((entry) => !entry.stored);

export function enqueue(body, key) {
  lastNumber = Math.max(lastNumber + 1, Date.now()); // so that keys sort in the order of their creation
  key ??= `${lastNumber}-${crypto.randomUUID()}`;
  const element = fromTemplate("unsent");
  element.task = {
    completed: false, priority: "medium", tags: [], ...body, title: body.title.trim(),
    due_date: normalized(body.due_date ?? null), id: parseInt(key), created_at: "now", updated_at: "now",
  };
  $(".title", element).textContent = element.task.title;
  paintDetails(element, element.task);
  const entry = { key, body, element, stored: store(key, JSON.stringify(body)) };
  outbox.set(key, entry);
  arrange(element);
  describeList();
  $("#new-note").textContent = element.hidden ? `“${element.task.title}” isn't shown: this list leaves it out.` : "";
  send();
}

async function send() {
  if (sending) return;
  sending = true;
  for (let entry; (entry = [...outbox.values()].find((each) => !each.refused)); ) await deliver(entry);
  sending = false;
}

async function deliver(entry) {
  try {
    const { body: task } = await call("POST", tasksPath, {
      body: entry.body, headers: { "idempotency-key": entry.key },
    });
    takeOut(entry);
    const shown = belongs(task);
    say(`Added ${task.title}${shown ? "" : ", which this list leaves out"}`);
    if (shown) {
      const { element } = show(task);
      place(element);
      const last = ![...items.values()].some((other) => element.compareDocumentPosition(other.element) & 4); // DOCUMENT_POSITION_FOLLOWING
      if (hasMore() && last) {
        forget(task.id);
        $("#new-note").textContent = `“${task.title}” isn't shown yet: it is further down the list.`;
      }
    }
    describeList();
    refreshSummary();
  } catch (error) {
    if (outbox.has(entry.key)) refuse(entry, error);
  }
}

/** Show why a task was not added, and let the user correct it or send it again. */
function refuse(entry, error) {
  const { key, body, element } = entry;
  const form = fromTemplate("editor");
  const [again, discard] = form.querySelectorAll(".main, .plain");
  entry.refused = true;
  element.dataset.refused = "yes";
  element.hidden = false;
  $(".card", element).replaceChildren(form);
  list.prepend(element); // in sight, whatever the sort
  describeList();
  $("label span", form).textContent = "Not added";
  [again.textContent, discard.textContent] = ["Try again", "Discard"];
  fillForm(form, { ...EMPTY, ...body });
  const values = () => JSON.stringify(changes(form, EMPTY));
  const refused = values();
  showRefusal(form, error);
  form.onsubmit = (event) => {
    event.preventDefault();
    if (!isValid(form)) return;
    takeOut(entry);
    if (values() === refused) enqueue(body, key);
    else enqueue(changes(form, EMPTY));
    $("#new input").focus();
  };
  discard.onclick = () => {
    takeOut(entry);
    describeList();
    $("#new input").focus();
  };
}

function takeOut({ key, element }) {
  outbox.delete(key);
  element.remove();
  store(key, null);
}

/** Store a text under a name, or delete it; return whether the browser allows that. */
function store(name, text) {
  try {
    if (text === null) localStorage.removeItem(storagePrefix + name);
    else localStorage.setItem(storagePrefix + name, text);
    return true;
  } catch {
    return false;
  }
}

/** Send what an earlier visit to this page didn't. */
export function sendStored() {
  let stored = [];
  try {
    stored = Object.entries(localStorage).filter(([name]) => name.startsWith(storagePrefix)).sort();
  } catch {
    // The browser keeps nothing.
  }
  for (const [name, body] of stored) enqueue(JSON.parse(body), name.slice(storagePrefix.length));
}

addEventListener("storage", ({ key, newValue }) => {
  const entry = newValue === null && key?.startsWith(storagePrefix) && outbox.get(key.slice(storagePrefix.length));
  if (!entry) return; // otherwise another tab has sent it
  takeOut(entry);
  load();
});
