// The list. items has, by id, what the page shows: { known, element }, a task and its row.
// The tasks come from the copy (sync.js). While there is none, they are read from the API.

import { call, countWrites, nextPath, tasksPath } from "./api.js";
import { dayOf, describeDay, describeDue, describeFully, describeGroup, describeLateness, dueDay } from "./dates.js";
import { LARGEST_COPY, onChange, sync } from "./follow.js";
import { $, fromTemplate, say } from "./messages.js";
import { describeRule } from "./recurrence.js";
import { belongs, chip, isFiltered, isSortedByDue, listQuery, refreshSummary, showSummaryOf, sorted, toggleFilter } from "./view.js";
import { capitalized } from "./words.js";

export const items = new Map();
export const list = $("#list");
const PAGE = 30; // tasks to show at first, and more whenever the user comes to the end
const LARGEST_PAGE = 200; // the API's limit
const MANY_TAGS = 6; // of a task: if it has more, the rest is shown on demand
const [endText, clear, more] = $("#end").children;
let count = PAGE; // how many tasks of the copy to show
let hasMore = false;
let query = ""; // the view that is shown
// Without a copy:
let loading = new AbortController();
let read = new Set(); // the ids that the API's list has, as far as it was read
let next = null; // the path of its next page
const written = new Set(); // ids of tasks that were written here since then

/** Show the tasks that the view asks for: at once from the copy, or else from the API. */
export function load() {
  const isOther = query !== (query = String(listQuery()));
  if (isOther) count = PAGE;
  isReading = !sync.isComplete && !sync.isStarting;
  if (!isReading) return render();
  return readList(isOther ? PAGE : Math.max(read.size, PAGE));
}

/** Read the list again, if it isn't so long that only a part of it would be read. */
export function refresh() {
  if (sync.isComplete) return;
  if (read.size <= LARGEST_PAGE) load();
  else refreshSummary();
}

async function readList(least) {
  loading.abort();
  loading = new AbortController();
  const parameters = listQuery();
  parameters.set("limit", Math.min(least, LARGEST_PAGE));
  const before = [...written];
  const tasks = await readPage(`${tasksPath}?${parameters}`);
  if (!tasks) return;
  read = new Set(tasks.map((task) => task.id));
  for (const id of before) written.delete(id);
  list.dataset.source = "api";
  render();
  const counts = await refreshSummary();
  if (counts && counts.pending + counts.completed > LARGEST_COPY) sync.giveUpCopy();
}

async function showMore() {
  if (!hasMore || list.ariaBusy === "true") return;
  if (sync.isComplete) count += PAGE;
  else for (const task of (await readPage(next)) ?? []) read.add(task.id);
  render();
}
more.onclick = showMore;

/** Read a page of tasks; return null if that fails or is no longer wanted. */
async function readPage(path) {
  const { signal } = loading;
  list.ariaBusy = "true";
  try {
    let before, headers, body;
    do { // again, if a write was answered meanwhile: the list may be older
      before = countWrites();
      ({ headers, body } = await call("GET", path, { signal }));
    } while (before !== countWrites());
    next = nextPath(headers);
    sync.remember(body);
    return body;
  } catch (error) {
    if (!signal.aborted) endText.textContent = error.message;
    return null;
  } finally {
    if (!signal.aborted) list.ariaBusy = "false";
  }
}

/** Return the tasks to show, in their order, and whether there are more of them. */
function choose(view) {
  // The user has to look at these, wherever they are.
  const asking = new Set(sync.entries().filter(({ conflict, refusal }) => conflict || refusal).map(({ operation }) => operation.id));
  const isShown = (task) => belongs(task) || asking.has(task.id);
  if (sync.isComplete) {
    const all = sorted([...view.values()].filter(isShown));
    return [all.filter((task, index) => index < count || asking.has(task.id)), all.length > count];
  }
  const known = sorted([...view.values()].filter((task) => isShown(task)
    && (read.has(task.id) || written.has(task.id) || asking.has(task.id))));
  const last = known.findLastIndex((task) => read.has(task.id));
  return [next ? known.slice(0, last + 1) : known, Boolean(next)];
}

let isCopy = false;
let isReading = false; // the list, from the API

/** Show what is known now. */
export function render() {
  if (!query) return; // before the page has started
  if (sync.isStarting) list.ariaBusy = "true";
  else if (!sync.isComplete && !isReading) return load();
  if (sync.isComplete && !isCopy) {
    loading.abort();
    list.dataset.source = "copy";
    list.ariaBusy = "false";
  }
  isCopy = sync.isComplete;
  isReading &&= !isCopy;
  const view = sync.view();
  for (const [id, item] of items) rename(id, sync.idOf(id), item, view);
  for (const task of view.values()) if (task.pending) written.add(task.id);
  for (const id of written) written.add(sync.idOf(id));
  let tasks;
  [tasks, hasMore] = choose(view);
  const ids = new Set(tasks.map((task) => task.id));
  for (const [id, { element }] of items) if (!ids.has(id) && !element.dataset.held) forget(id);
  const isOurs = (element) => ids.has(element.task?.id) && !element.dataset.refused;
  let at = list.firstElementChild;
  for (const task of tasks) {
    const element = show(task);
    while (at && !isOurs(at)) at = at.nextElementSibling; // in use, or refused
    if (element === at) at = at.nextElementSibling;
    else putBefore(at, element);
  }
  if (isCopy) showSummaryOf([...view.values()]);
  if (list.dataset.source) finishList(); // else nothing is known yet
}

/** A new task has an id by now: it stays in the same row. */
function rename(old, id, item, view) {
  if (old === id || !view.has(id)) return;
  items.delete(old);
  items.get(id)?.element.remove();
  items.set(id, item);
}

let described = "";

function finishList() {
  more.hidden = !hasMore;
  const before = described;
  described = `${query} ${describeList()}`;
  // Only what the user asked for; what they do is said elsewhere.
  if (described !== before) say(endText.textContent || `${items.size} ${items.size === 1 ? "task" : "tasks"}${hasMore ? ", more below" : ""}`);
  // The observer only reports changes, but the end of the list may still be visible.
  observer.unobserve($("#end"));
  observer.observe($("#end"));
}

/** Show the days' headings, and a message if the list is empty; return the message. */
function describeList() {
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
  ([end]) => end.isIntersecting && showMore(), { rootMargin: "400px" },
);

/** Put an element before another, or last; keep the focus in it. */
function putBefore(later, element) {
  const focused = element.contains(document.activeElement) && document.activeElement;
  list.insertBefore(element, later);
  if (focused) focused.focus({ preventScroll: true });
}

/** Show a task in its row, or in a new one; don't change a row that is in use. Return it. */
function show(task) {
  let item = items.get(task.id);
  if (!item) {
    item = { element: fromTemplate("item") };
    item.element.item = item;
    items.set(task.id, item);
  }
  const { element } = item;
  element.classList.toggle("unsent", Boolean(task.pending));
  if (element.dataset.held || item.known === task) return element;
  item.known = task;
  paint(element, task);
  return element;
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

/** Show the due date, the rule, the priority and the tags of a task, and when it was completed. */
function paintDetails(element, { completed, completed_at: done, due_date: due, recurrence: rule, priority, tags }) {
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
  if (rule) add("span", "rule quiet", describeRule(rule)).prepend(unseen("Repeats "));
  if (done) {
    const time = add("time", "quiet", `done ${describeDay(dayOf(new Date(done)))}`);
    time.dateTime = done;
    time.title = describeFully(done);
  }
  if (priority !== "medium") details.push(filterChip("priority", priority, capitalized(priority), "priority"));
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

/** Remove a row from the page; move the focus to its neighbour. */
function forget(id) {
  const { element } = items.get(id);
  moveFocusAway(element);
  element.remove();
  items.delete(id);
}

function moveFocusAway(element) {
  if (!element.contains(document.activeElement)) return;
  const others = [...list.children].filter((each) => !each.hidden);
  const near = others[others.indexOf(element) + 1] ?? others[others.indexOf(element) - 1];
  ((near && $("input", near)) ?? $("#new input")).focus();
}

/** Lock a row while a form is in it, so that nothing else changes it. */
export function hold({ element }) {
  element.dataset.held = "yes";
}

export function release({ element }) {
  delete element.dataset.held;
  render();
}

onChange(render);
