// The list. items has, by id, what the page shows: { known, element }, a task and its row.

import { call, countWrites, tasksPath } from "./api.js";
import { dayOf, describeDay, describeDue, describeFully, describeGroup, describeLateness, dueDay } from "./dates.js";
import { $, fromTemplate, say, toast } from "./messages.js";
import { belongs, chip, compare, dueMatches, isFiltered, isSortedByDue, listQuery, refreshSummary, toggleFilter } from "./view.js";

export const items = new Map();
export const list = $("#list");
const LARGEST_PAGE = 200;
const MANY_TAGS = 6; // of a task: if it has more, the rest is shown on demand
const [endText, clear, more] = $("#end").children;
let loading = new AbortController();
let next = null; // the path of the next page

/** Return whether the API has more tasks than are shown. */
export const hasMore = () => Boolean(next);

/** Return whether load() can read all tasks that are shown, and not only the first of them. */
export const canReload = () => items.size <= LARGEST_PAGE;

/** Load the list and show it. The old list stays until the answer arrives. */
export async function load(least = items.size) {
  loading.abort();
  loading = new AbortController();
  const query = listQuery();
  query.set("limit", Math.min(Math.max(least, 30), LARGEST_PAGE));
  const found = await page(`${tasksPath}?${query}`);
  if (!found) return;
  const ids = new Set(found.map((task) => task.id));
  for (const [id, { element }] of items) if (!ids.has(id) && !element.dataset.held) forget(id);
  let at = list.firstElementChild;
  for (const task of found) {
    const { element } = show(task);
    while (at && !ids.has(at.task.id)) at = at.nextElementSibling; // unsent, or held
    if (element === at) at = at.nextElementSibling;
    else putBefore(at, element);
  }
  finishList();
  refreshSummary();
}

export async function loadMore() {
  if (!next || list.ariaBusy === "true") return;
  const found = await page(next);
  for (const task of found ?? []) if (!items.has(task.id)) place(show(task).element);
  if (found) finishList();
}
more.onclick = loadMore;

/** Fetch a page of tasks; return null if that fails or a newer load() has started. */
async function page(path) {
  const { signal } = loading;
  list.ariaBusy = "true";
  try {
    let before, headers, body;
    do {
      before = countWrites();
      ({ headers, body } = await call("GET", path, { signal }));
    } while (before !== countWrites());
    next = headers.get("link")?.match(/<([^>]*)>; rel="next"/)?.[1] ?? null;
    const shown = body.filter(dueMatches);
    return isSortedByDue() ? shown.sort(compare) : shown;
  } catch (error) {
    if (!signal.aborted) endText.textContent = error.message;
    return null;
  } finally {
    if (!signal.aborted) list.ariaBusy = "false";
  }
}

let described = "";

function finishList() {
  for (const element of list.querySelectorAll(".unsent")) arrange(element);
  more.hidden = !next;
  const before = described;
  described = describeList() || `${items.size} ${items.size === 1 ? "task" : "tasks"}${next ? ", more below" : ""}`;
  if (described !== before) say(described);
  // The observer only reports changes, but the end of the list may still be visible.
  observer.unobserve($("#end"));
  observer.observe($("#end"));
}

/** Show the days' headings, and a message if the list is empty; return the message. */
export function describeList() {
  const visible = [...list.children].filter((each) => !each.hidden);
  let group = null;
  for (const element of visible) {
    const before = group;
    group = isSortedByDue() && !element.dataset.refused ? groupOf(element.task) : null;
    const heading = $(".group", element);
    heading.textContent = group ?? "";
    heading.hidden = !group || group === before;
  }
  const pending = $("#view").elements.status.value === "pending";
  const nothing = isFiltered() ? "Nothing found." : pending ? "All done." : "Nothing here yet.";
  clear.hidden = visible.length > 0 || !isFiltered();
  return (endText.textContent = visible.length ? "" : nothing);
}

const groupOf = ({ due_date: due }) => (due ? describeGroup(dueDay(due)) : "No due date");

const observer = new IntersectionObserver(
  ([end]) => end.isIntersecting && loadMore(), { rootMargin: "400px" },
);

/** Show a new task that the API doesn't have yet, where the list will have it. */
export function arrange(element) {
  if (element.dataset.refused) return;
  element.hidden = !belongs(element.task);
  place(element);
}

/** Move an element to its place in the chosen order. */
export function place(element) {
  const others = [...list.children].filter((other) => other !== element && !other.dataset.refused);
  const later = others.find((other) => compare(other.task, element.task) > 0) ?? null;
  if (element.parentElement !== list || element.nextElementSibling !== later) putBefore(later, element);
}

/** Put an element before another, or last; keep the focus in it. */
function putBefore(later, element) {
  const focused = element.contains(document.activeElement) && document.activeElement;
  list.insertBefore(element, later);
  if (focused) focused.focus({ preventScroll: true });
}

/** Show a task in its item, or in a new one; don't change an item that is in use. */
export function show(task) {
  let item = items.get(task.id);
  if (!item) {
    item = { element: fromTemplate("item") };
    item.element.item = item;
    items.set(task.id, item);
  }
  if (item.element.dataset.held) return item;
  item.known = task;
  paint(item.element, task);
  return item;
}

function paint(element, task) {
  element.task = task;
  $("input", element).checked = task.completed;
  $("input", element).ariaLabel = `Completed: ${task.title}`;
  $(".title", element).textContent = task.title;
  $(".about", element).textContent = task.description ?? "";
  $(".open", element).ariaDescription = "Edit";
  $(".plan", element).ariaLabel = `Due date of ${task.title}`;
  $(".delete", element).ariaLabel = `Delete ${task.title}`;
  paintDetails(element, task);
}

/** Show a task as it will be if the API accepts a change. */
export function preview(element, task) {
  paint(element, task);
  place(element);
  describeList();
}

/** Show the due date, the priority and the tags of a task, and when it was completed. */
export function paintDetails(element, { completed, completed_at: done, due_date: due, priority, tags }) {
  const lateness = due && !completed ? describeLateness(due) : null;
  const details = [];
  const add = (tag, name, text) => {
    const made = document.createElement(tag);
    made.className = name;
    made.textContent = text;
    details.push(made);
    return made;
  };
  if (due) {
    const time = add("time", lateness ? "due late" : "due", lateness ?? describeDue(due));
    time.dateTime = due;
    time.title = describeFully(due);
    if (!lateness) time.prepend(unseen("Due "));
  }
  if (done) {
    const time = add("time", "quiet", `done ${describeDay(dayOf(new Date(done)))}`);
    time.dateTime = done;
    time.title = describeFully(done);
  }
  if (priority !== "medium") details.push(filterChip("priority", priority, priority[0].toUpperCase() + priority.slice(1), "priority"));
  const shown = tags.length > MANY_TAGS && !element.dataset.allTags ? tags.slice(0, MANY_TAGS - 1) : tags;
  details.push(...shown.map((tag) => filterChip("tags", tag, `#${tag}`, "tag")));
  if (shown !== tags) {
    const more = chip(`+${tags.length - shown.length}`, () => {
      element.dataset.allTags = "yes";
      paintDetails(element, element.task);
      $(`.details [data-tags="${CSS.escape(tags[shown.length])}"]`, element).focus();
    });
    more.ariaDescription = "Show all tags";
    details.push(more);
  }
  const box = $(".details", element);
  const focused = document.activeElement;
  const again = box.contains(focused) && focused.textContent;
  box.replaceChildren(...details);
  box.hidden = !details.length;
  if (again) (details.find((each) => each.textContent === again) ?? $("input", element)).focus();
}

function filterChip(kind, value, text, name) {
  const button = chip(text, () => toggleFilter(kind, value));
  button.dataset[kind] = value;
  button.ariaDescription = `Show only this ${name}`;
  return button;
}

function unseen(text) {
  const span = document.createElement("span");
  span.className = "unseen";
  span.textContent = text;
  return span;
}

/** Say again what depends on the time: "today" becomes "1 day late". */
export function repaint() {
  for (const { element, known } of items.values()) if (!element.dataset.held) paintDetails(element, known);
  describeList();
}

/** Remove an item from the page; move the focus to its neighbour. */
export function forget(id) {
  const { element } = items.get(id);
  moveFocusAway(element);
  element.remove();
  items.delete(id);
}

export function moveFocusAway(element) {
  if (!element.contains(document.activeElement)) return;
  const others = [...list.children].filter((each) => !each.hidden);
  const near = others[others.indexOf(element) + 1] ?? others[others.indexOf(element) - 1];
  ((near && $("input", near)) ?? $("#new input")).focus();
}

/** Lock an item while something is done with it, until settle(). */
export async function hold(item) {
  const { element } = item;
  while (element.dataset.held) await item.settled;
  item.settled = new Promise((resolve) => { item.settle = resolve; });
  element.dataset.held = "yes";
  element.ariaBusy = "true";
}

/** Unlock an item; show its current task, or remove it if the list no longer has it. */
export function settle(item, now) {
  const { element, known } = item;
  delete element.dataset.held;
  element.ariaBusy = "false";
  element.hidden = false;
  if (now) show(now);
  if (!now || !belongs(now)) forget(known.id);
  else place(element);
  describeList();
  if (now !== known) refreshSummary();
  item.settle();
}

/** Do some work and settle the item with its result; if it fails, with the old task. */
export async function attempt(item, work) {
  const { known } = item;
  try {
    settle(item, await work(known));
  } catch (error) {
    const gone = error.status === 404;
    settle(item, gone ? null : known);
    toast(gone ? `“${known.title}” was deleted elsewhere.` : error.message);
  }
}
