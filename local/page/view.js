// Which tasks the page shows, and in which order: the form, the filters beside it, and the
// page's address, so that a reload shows the same list.

import { call, tasksPath, user } from "./api.js";
import { dayOf, dueDay, isAllDay, isoDay, isOverdue, timeZone } from "./dates.js";
import { $ } from "./messages.js";
import { PRIORITIES } from "./quick_add.js";
import { summarize } from "./summary.js";
import { capitalized } from "./words.js";

const form = $("#view");
const SHOWN_TAGS = 8; // until the user asks for more
const OLDER_NAMES = { created: "created_at", updated: "updated_at" };
const DUE = { overdue: "Overdue", today: "Today", week: "Next 7 days" };

/** The filters that are no fields of the form: `due` is "" or one of DUE. */
export const filters = { due: "", priority: new Set(), tags: new Set() };
/** What GET …/tasks/summary returns, null until it is there. */
export let summary = null;
let showsAllTags = false;
let scrolledTo = "";

const chosenSort = () => form.elements.sort.value.split(" ");
export const isSortedByDue = () => chosenSort()[0] === "due_date";
export const isFiltered = () => Boolean(filters.due || filters.priority.size || filters.tags.size || searched());
const searched = () => form.elements.search.value.trim();

/** Return what the API's list and the page's address have in common. */
function commonQuery() {
  const [sort, order] = chosenSort();
  const query = new URLSearchParams({ status: form.elements.status.value, sort, order });
  if (searched()) query.set("search", searched());
  for (const name of ["priority", "tags"])
    if (filters[name].size) query.set(name, [...filters[name]].join());
  return query;
}

/** Return the query of the list. It is the same all day, so that the browser's cache helps. */
export function listQuery() {
  const query = commonQuery();
  const today = dayOf(new Date());
  if (!filters.due) return query;
  // The API can't ask for "before now, or before today if all day": dueMatches() drops the rest.
  if (filters.due === "overdue" && query.get("status") === "all") query.set("status", "pending");
  if (filters.due !== "overdue") query.set("due_from", isoDay(today));
  query.set("due_before", isoDay(today + (filters.due === "week" ? 7 : 1)));
  query.set("time_zone", timeZone());
  return query;
}

/** Return whether the filter of due dates shows a task. */
function dueMatches({ completed, due_date: due }) {
  if (!filters.due) return true;
  if (!due) return false;
  if (filters.due === "overdue") return !completed && isOverdue(due);
  const days = dueDay(due) - dayOf(new Date());
  return days >= 0 && days < (filters.due === "week" ? 7 : 1);
}

/** Return whether the list shows such a task. */
export function belongs(task) {
  const folded = (text) => text.toLowerCase().toUpperCase();
  const found = [task.title, task.description ?? ""].some((text) => folded(text).includes(folded(searched())));
  return found && dueMatches(task)
    && form.elements.status.value !== (task.completed ? "pending" : "completed")
    && (!filters.priority.size || filters.priority.has(task.priority))
    && [...filters.tags].every((tag) => task.tags.includes(tag));
}

const codePoints = (text) => Array.from(text, (each) => each.codePointAt().toString(16).padStart(6, "0")).join("");
// A time that the API hasn't given yet is later than any other.
const isNew = ({ id }) => typeof id === "string";
const RANKS = {
  created_at: (task) => [isNew(task) ? "now" : task.created_at],
  updated_at: (task) => [task.pending ? `now ${task.pending}` : task.updated_at],
  title: (task) => [codePoints(task.title)],
  priority: (task) => [PRIORITIES.indexOf(task.priority), isNew(task) ? "now" : task.created_at],
  // By the day here, so that no day is shown twice. The API sorts an all-day task as 00:00 UTC.
  due_date: ({ due_date: due }) => (due ? [dueDay(due), isAllDay(due) ? 0 : Date.parse(due)] : []),
};

/** Return tasks in the chosen order, as the API sorts them. */
export function sorted(tasks) {
  const [sort, order] = chosenSort();
  const direction = order === "asc" ? 1 : -1;
  const ranked = tasks.map((task) => ({ task, rank: [...RANKS[sort](task), isNew(task), task.id] }));
  ranked.sort((a, b) => {
    if (sort === "due_date" && !a.task.due_date !== !b.task.due_date) return a.task.due_date ? -1 : 1; // in both orders
    const at = a.rank.findIndex((value, index) => value !== b.rank[index]);
    return at < 0 ? 0 : (a.rank[at] > b.rank[at] ? 1 : -1) * direction;
  });
  return ranked.map(({ task }) => task);
}

// The filters that can be pressed, with how many pending tasks each has.

/** Choose a filter, or give it up; "" for all filters. */
export function toggleFilter(kind, value) {
  if (kind === "due") filters.due = filters.due === value ? "" : value;
  else if (!filters[kind].delete(value)) filters[kind].add(value);
  changed();
}

export function clearFilters() {
  filters.due = form.elements.search.value = "";
  filters.priority.clear();
  filters.tags.clear();
  changed();
  $("#filters button").focus(); // the button that was pressed is gone
}

/** Keep the view in the address, and tell the list. */
export function changed() {
  const query = commonQuery();
  if (filters.due) query.set("due", filters.due);
  query.set("user", user);
  history.replaceState(null, "", `?${query}`);
  showFilters();
  form.dispatchEvent(new Event("changed"));
}

/** Return what can be pressed: [kind, value, text, count]. */
function choices() {
  const { overdue, due_today: today, priorities = {}, tags = [] } = summary ?? {};
  const counts = { overdue, today };
  const due = Object.entries(DUE)
    .filter(([value]) => value !== "overdue" || overdue || filters.due === value)
    .map(([value, text]) => ["due", value, text, counts[value]]);
  const apart = PRIORITIES.some((name) => name !== "medium" && priorities[name]);
  const priority = [...PRIORITIES].reverse()
    .filter((name) => (apart && priorities[name]) || filters.priority.has(name))
    .map((name) => ["priority", name, capitalized(name), priorities[name]]);
  const known = tags.slice(0, showsAllTags ? undefined : SHOWN_TAGS).map(({ tag }) => tag);
  const counted = new Map(tags.map(({ tag, count }) => [tag, count]));
  // In alphabetical order, so that they don't change places with each write.
  const all = [...new Set([...known, ...filters.tags])].sort((a, b) => a.localeCompare(b));
  return [...due, ...priority, ...all.map((tag) => ["tags", tag, `#${tag}`, counted.get(tag) ?? 0])];
}

function showFilters() {
  const focused = document.activeElement.dataset?.filter;
  const buttons = choices().map(([kind, value, text, count]) => {
    const button = chip(text, () => toggleFilter(kind, value));
    button.dataset.filter = `${kind} ${value}`;
    button.dataset[kind] = value;
    button.ariaPressed = String(kind === "due" ? filters.due === value : filters[kind].has(value));
    if (count !== undefined) {
      button.appendChild(document.createElement("b")).textContent = ` ${count}`;
      button.title = `${count} pending`;
    }
    return button;
  });
  const hidden = (summary?.tags.length ?? 0) - SHOWN_TAGS;
  if (hidden > 0) {
    const more = chip(showsAllTags ? "Fewer tags" : `${hidden} more tags`, () => { showsAllTags = !showsAllTags; showFilters(); });
    more.dataset.filter = "more";
    buttons.push(more);
  }
  if (isFiltered()) {
    const clear = chip("Clear filters", clearFilters);
    clear.className = "plain";
    buttons.push(clear);
  }
  const box = $("#filters");
  box.replaceChildren(...buttons);
  // On a small screen they are one line that scrolls.
  const pressed = buttons.filter((each) => each.ariaPressed === "true");
  const names = pressed.map((each) => each.dataset.filter).join();
  if (names !== scrolledTo && pressed.length) box.scrollLeft = pressed.at(-1).offsetLeft - box.offsetLeft - 60;
  scrolledTo = names;
  if (focused) (buttons.find((each) => each.dataset.filter === focused) ?? buttons[0]).focus({ preventScroll: true });
  const totals = summary && { all: summary.pending + summary.completed, pending: summary.pending, completed: summary.completed };
  for (const [status, total] of Object.entries(totals ?? {})) $(`b[data-count=${status}]`).textContent = total;
  $("#clear").hidden = !summary?.completed || isFiltered() || form.elements.status.value === "pending";
}

/** Return a small button with a text. */
export function chip(text, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "chip";
  button.dir = "auto";
  button.textContent = text;
  button.onclick = act;
  return button;
}

/** Show the counts of these tasks. */
export function showSummaryOf(tasks) {
  showSummary(summarize(tasks));
}

/** Read the counts from the API, and show them; return nothing if that fails. */
export async function refreshSummary() {
  try {
    const { body } = await call("GET", `${tasksPath}/summary?time_zone=${encodeURIComponent(timeZone())}`);
    showSummary(body);
    return body;
  } catch {} // the list shows the error
}

function showSummary(counts) {
  if (JSON.stringify(counts) === JSON.stringify(summary)) return;
  summary = counts;
  showFilters();
  $("#new").dispatchEvent(new Event("summary"));
}

let typing;
form.oninput = (event) => {
  clearTimeout(typing);
  typing = setTimeout(changed, event.target.type === "search" ? 250 : 0);
};
form.onsubmit = (event) => event.preventDefault();

/** Take the view from the address. */
export function readAddress() {
  const query = new URLSearchParams(location.search);
  const sort = OLDER_NAMES[query.get("sort")] ?? query.get("sort");
  for (const [name, value] of [["status", query.get("status")], ["search", query.get("search")], ["sort", `${sort} ${query.get("order")}`]]) {
    const field = form.elements[name];
    if (value && (name !== "sort" || [...field.options].some((each) => each.value === value))) field.value = value;
  }
  if (query.get("due") in DUE) filters.due = query.get("due");
  const listed = (name) => (query.get(name) ?? "").split(",").filter(Boolean);
  filters.priority = new Set(listed("priority").filter((name) => PRIORITIES.includes(name)));
  filters.tags = new Set(listed("tags"));
  showFilters();
}
