// What the user does with a task: add, complete, edit, plan, delete, undo. Each becomes an
// operation of the queue (sync.js), so that all of it also works offline.

import { call, nextPath, tasksPath, trashPath } from "./api.js";
import { describeDue, normalized } from "./dates.js";
import { LARGEST_COPY, onAnswer, onChange, perform, sync, syncNow } from "./follow.js";
import { hold, items, list, refresh, release, render } from "./list.js";
import { $, fromTemplate, offerFocus, say, toast } from "./messages.js";
import { describeNext, describeRule, ruleBefore } from "./recurrence.js";
import { addDays, addRules, changes, checkDue, dueChanges, EMPTY, fillForm, isValid, showRefusal } from "./task_form.js";
import { belongs } from "./view.js";
import { capitalized } from "./words.js";

const acts = { open: (item) => edit(item), plan, delete: remove };
list.addEventListener("click", ({ target }) => {
  const button = target.closest(".open, .plan, .delete");
  const item = button?.closest("li").item;
  if (item) acts[button.classList[0]](item);
});
list.addEventListener("change", ({ target }) => {
  const { item } = target.closest("li");
  if (item && target.matches(".task > [type=checkbox]")) complete(item.known, target.checked);
});

/** Return a body as the list shows it until the API has answered. */
const toPreview = (body) => ({
  ...body,
  ...(body.title !== undefined && { title: body.title.trim() }),
  ...(body.due_date !== undefined && { due_date: normalized(body.due_date) }),
});

const update = (task, changes) =>
  perform([{ op: "update", id: task.id, if_match: task.etag, changes, preview: toPreview(changes), extra: task }]);

/** Add a task to the list. */
export function addTask(body) {
  const preview = { ...toPreview(body), created_at: new Date().toISOString() };
  const [{ key }] = perform([{ op: "create", task: body, preview }]);
  const isLeftOut = !belongs(sync.view().get(key));
  say(`Added ${preview.title}${isLeftOut ? ", which this list leaves out" : ""}`);
  $("#new-note").textContent = isLeftOut ? `“${preview.title}” isn't shown: this list leaves it out.`
    : items.has(key) ? "" : `“${preview.title}” isn't shown yet: it is further down the list.`;
}

function complete(task, completed) {
  const preview = {
    completed, completed_at: completed ? new Date().toISOString() : null,
    ...(completed && { recurrence: null }), // the API moves it to the next task
  };
  perform([{ op: "complete", id: task.id, if_match: task.etag, completed, preview, extra: task }]);
  const isLeftOut = !belongs({ ...task, ...preview });
  if (isLeftOut && !(completed && task.recurrence)) // else tellNext() offers to undo it
    toast(`${completed ? "Completed" : "Reopened"} “${task.title}”`, "Undo", () => toggleBack(task.id, completed));
  else say(`${task.title}: ${completed ? "completed" : "pending"}`);
}

/** Undo completing or reopening a task, if it is still as that left it. */
function toggleBack(id, completed) {
  const task = sync.view().get(sync.idOf(id));
  if (task?.completed === completed) complete(task, !completed);
}

// The next task of a recurring one comes with the answer; offline, that is later.

let completions = []; // that aren't told yet

onAnswer(({ operation: { op }, extra, answer: { task, next_task: next } }) => {
  if (op !== "complete" || !(next || (next === null && extra?.recurrence))) return;
  const rule = next ? ruleBefore(next.recurrence) : extra.recurrence;
  completions.push({ id: task.id, title: task.title, rule, next });
  if (completions.length === 1) queueMicrotask(tellNext); // once for all of a batch
});

function tellNext() {
  const told = completions;
  completions = [];
  toast(describeNext(told), "Undo", () => told.forEach(takeBack));
}

/** Delete the next task, and give the rule back to the one that was completed. */
function takeBack({ id, title, rule, next }) {
  const view = sync.view();
  const [done, following] = [view.get(id), view.get(next?.id)];
  if (!done) return toast(`“${title}” was deleted meanwhile.`); // the next task keeps the rule
  if (following) perform([{ op: "delete", id: following.id, if_match: following.etag, yields: true }]);
  if (done.completed) complete(done, false);
  update(sync.view().get(id), { recurrence: rule });
}

// Deleting and undoing it

function remove({ known, element }) {
  const hadFocus = element.contains(document.activeElement);
  const [entry] = perform([{ op: "delete", id: known.id, if_match: known.etag }]);
  toast(`Deleted “${known.title}”`, "Undo", () => {
    restore([entry], [known]);
    const row = items.get(sync.idOf(known.id))?.element;
    if (row && (hadFocus || !document.activeElement.matches("input, textarea"))) $(".open", row).focus();
  });
}

/** Bring back what these entries have deleted. */
function restore(entries, tasks) {
  perform(entries.map(({ operation: { id, if_match } }, index) =>
    ({ op: "restore", id, if_match, preview: tasks[index], extra: tasks[index] })));
  say(tasks.length === 1 ? `Restored “${tasks[0].title}”` : `Restored ${tasks.length} tasks`);
}

/**
 * Delete the completed tasks. With a copy, exactly those that the user sees, and only if
 * nobody has changed them: the API's own "clear" would also delete what was completed on
 * another device until the queue is sent.
 */
function clearCopied() {
  const tasks = [...sync.view().values()].filter(({ completed }) => completed);
  const entries = perform(tasks.map(({ id, etag }) => ({ op: "delete", id, if_match: etag, yields: true })));
  toast(describeCleared(tasks.length), "Undo", () => restore(entries, tasks));
}

/** Delete all completed tasks of a list that isn't copied. */
async function clearAll() {
  const { body: { deleted } } = await call("DELETE", `${tasksPath}?status=completed`);
  refresh();
  const [latest] = (await call("GET", `${trashPath}?limit=1`)).body;
  if (deleted > LARGEST_COPY) toast(`${describeCleared(deleted)}. They stay in the trash for 30 days`);
  else toast(describeCleared(deleted), "Undo", () => restoreDeletedAt(latest.deleted_at));
}

/** Bring back all tasks that were deleted at this time. */
async function restoreDeletedAt(time) {
  const tasks = [];
  for (let path = `${trashPath}?limit=200`, older = false; path && !older; ) {
    const { headers, body } = await call("GET", path);
    tasks.push(...body.filter((task) => task.deleted_at === time));
    older = body.some((task) => task.deleted_at < time);
    path = nextPath(headers);
  }
  perform(tasks.map((task) => ({ op: "restore", id: task.id, if_match: task.etag, preview: task, extra: task })));
}

const describeCleared = (number) => `Cleared ${number} completed task${number === 1 ? "" : "s"}`;

$("#clear").onclick = () => {
  $("#new input").focus(); // the button will be gone
  if (sync.isComplete) clearCopied();
  else clearAll().catch((error) => toast(error.message));
};

// Forms in a row

/** Put a form into a row, instead of its task; return it, and a function that closes it. */
function openForm(item, id, returnTo) {
  const { element } = item;
  const form = fromTemplate(id);
  hold(item);
  $(".task", element).hidden = true;
  $(".card", element).append(form);
  const close = () => {
    const hadFocus = form.contains(document.activeElement);
    form.remove();
    $(".task", element).hidden = false;
    if (hadFocus) $(returnTo, element).focus();
    release(item);
    ask();
  };
  return [form, close];
}

/** Change only the due date and the rule. */
function plan(item) {
  const { known } = item;
  const [form, close] = openForm(item, "planner", ".plan");
  $("legend span", form).textContent = known.title;
  addDays(form, known.due_date, () => form.requestSubmit());
  addRules(form, known.recurrence);
  ($("[aria-pressed=true]", form) ?? $(".days button", form)).focus();
  $("button.plain", form).onclick = close;
  form.onkeydown = ({ key }) => { if (key === "Escape") close(); };
  form.onsubmit = (event) => {
    event.preventDefault();
    if (!checkDue(form)) return;
    const mine = dueChanges(form, known);
    if (Object.keys(mine).length) {
      update(known, mine);
      say(`${known.title}: ${describePlan({ ...known, ...mine })}`);
    }
    close();
  };
}

const describePlan = ({ due_date: due, recurrence: rule }) =>
  (due ? [`due ${describeDue(normalized(due))}`, rule && describeRule(rule)].filter(Boolean).join(", ") : "no due date");

const editors = new Set(); // for each open editor, a function that says whether it has changes

/** Return whether an editor has changes that aren't saved. */
export const hasUnsavedEdits = () => [...editors].some((isDirty) => isDirty());

/** Edit a task; or an edit of it that the API has refused. */
function edit(item, refused) {
  const { known } = item;
  const [form, closeForm] = openForm(item, "editor", ".open");
  const isDirty = () => Object.keys(changes(form, known)).length > 0;
  const close = () => {
    editors.delete(isDirty);
    closeForm();
  };
  fillForm(form, refused ? { ...known, ...refused.preview } : known);
  $(".dates", form).textContent = [["Created", known.created_at], ["last changed", known.updated_at]]
    .filter(([, time]) => time).map(([what, time]) => `${what} ${describeDue(time)}`).join(", ");
  editors.add(isDirty);
  if (refused) showRefusal(form, refused.refusal);
  else form.elements.title.focus();

  const leave = () => {
    if (isDirty() && !confirm("Discard your changes to this task?")) return;
    if (refused) sync.discard(refused);
    close();
  };
  $("button.plain", form).onclick = leave;
  form.onkeydown = ({ key }) => { if (key === "Escape") leave(); };
  form.onsubmit = (event) => {
    event.preventDefault();
    if (!isValid(form)) return;
    const mine = changes(form, known);
    if (refused && isDirty()) sync.retry(refused, { operation: { changes: mine }, preview: toPreview(mine) });
    else if (refused) sync.discard(refused);
    else if (isDirty()) update(known, mine);
    if (isDirty()) say(`Saved ${mine.title ?? known.title}`);
    syncNow();
    close();
  };
  return close;
}

// What the API has refused, and what was changed elsewhere

const asking = new Map(); // by key of an entry: { about, close }, what the user is asked

/** Ask the user about each entry that waits for them; take away what isn't asked any more. */
function ask() {
  const entries = new Map(sync.entries().map((entry) => [entry.key, entry]));
  for (const [key, { about, close }] of asking) {
    const { conflict, refusal } = entries.get(key) ?? {};
    if (about === (conflict ?? refusal)) continue;
    asking.delete(key);
    close();
  }
  for (const [key, entry] of entries) {
    const about = entry.conflict ?? entry.refusal;
    const isInUse = items.get(entry.operation.id)?.element.dataset.held;
    if (!about || asking.has(key) || isInUse) continue;
    const question = { about, close: () => {} };
    asking.set(key, question);
    question.close = (entry.conflict ? askWhetherToKeepMine : showRefused)(entry) ?? question.close;
  }
}
onChange(() => queueMicrotask(ask)); // after the list was drawn

function showRefused(entry) {
  const { operation: { op, id, changes: mine }, extra: task, refusal } = entry;
  if (op === "create") return correct(entry);
  const item = items.get(id);
  const isGone = refusal.status === 404;
  if (op === "update" && !isGone && item) return edit(item, entry);
  sync.discard(entry);
  if (!isGone) toast(refusal.message);
  else if (op === "restore") toast(`“${task.title}” can't be restored any more.`);
  else if (op === "complete") toast(`“${task.title}” was deleted elsewhere.`);
  else toast("It was deleted elsewhere while you edited it.", "Add mine as new", () => addTask(asNew({ ...task, ...mine })));
}

/** Return what to send to create a task like this one. */
const asNew = ({ title, description, priority, tags, due_date, time_zone, recurrence }) =>
  ({ title, description, priority, tags, due_date, time_zone, recurrence });

/** Show why a new task was refused, and let the user correct it or send it again. */
function correct(entry) {
  const { operation: { task: body }, refusal } = entry;
  const element = fromTemplate("refused");
  const form = $(".card", element).appendChild(fromTemplate("editor"));
  const [again, discard] = form.querySelectorAll(".main, .plain");
  element.dataset.refused = "yes";
  list.prepend(element); // in sight, whatever the sort
  $("label span", form).textContent = "Not added";
  [again.textContent, discard.textContent] = ["Try again", "Discard"];
  fillForm(form, { ...EMPTY, ...body });
  const values = () => JSON.stringify(changes(form, EMPTY));
  const refused = values();
  showRefusal(form, refusal);
  form.onsubmit = (event) => {
    event.preventDefault();
    if (!isValid(form)) return;
    const task = changes(form, EMPTY);
    sync.retry(entry, values() === refused ? {} : { operation: { task }, preview: toPreview(task) });
    syncNow();
    $("#new input").focus();
  };
  discard.onclick = () => {
    sync.discard(entry);
    $("#new input").focus();
  };
  return () => {
    element.remove();
    render(); // the list may be empty now, and says so
  };
}

/** Show that a task was changed elsewhere, and ask which version to keep. */
function askWhetherToKeepMine(entry) {
  const { operation: { op, id }, preview, conflict: theirs } = entry;
  const item = items.get(id);
  if (!item) return;
  const { element } = item;
  const panel = fromTemplate("conflict");
  const inWords = ({ title, description, completed, due_date: due, recurrence: rule, priority, tags }) => [
    title, description, due && `Due ${describeDue(normalized(due))}`, rule && capitalized(describeRule(rule)),
    priority !== "medium" && `Priority: ${priority}`, tags.map((tag) => `#${tag}`).join(" "),
    completed ? "✓ Completed" : "○ Pending",
  ].filter(Boolean).join("\n");
  const [own, other] = panel.querySelectorAll("dd");
  $("h2", panel).textContent = "This task was changed elsewhere meanwhile";
  panel.ariaLabel = $("h2", panel).textContent;
  own.textContent = op === "delete" ? "Delete it" : inWords({ ...theirs, ...preview });
  other.textContent = inWords(theirs);
  element.dataset.asking = "yes";
  $(".card", element).append(panel);
  say(panel.ariaLabel);
  if (element.contains(document.activeElement)) panel.focus(); // the focused element is hidden now
  else offerFocus(panel);
  const [keep, take] = panel.querySelectorAll("button");
  keep.onclick = () => {
    sync.retry(entry);
    syncNow();
  };
  take.onclick = () => {
    sync.discard(entry);
    syncNow();
  };
  return () => {
    const hadFocus = panel.contains(document.activeElement);
    panel.remove();
    delete element.dataset.asking;
    if (hadFocus) ($("form [name=title]", element) ?? $(".open", element)).focus();
  };
}
