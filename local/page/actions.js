// What the user does with a task: complete, edit, plan, delete.

import { call, taskPath } from "./api.js";
import { dayOf, describeDue, describeFully, isoDay, nameDay, normalized, toBody, toFields } from "./dates.js";
import { attempt, describeList, hold, list, moveFocusAway, preview, settle } from "./list.js";
import { $, checkTitle, fromTemplate, offerFocus, say, showFault, toast } from "./messages.js";
import { enqueue } from "./outbox.js";
import { chip, summary } from "./view.js";

const acts = { open: edit, plan, delete: remove };
list.addEventListener("click", ({ target }) => {
  const button = target.closest(".open, .plan, .delete");
  if (button) acts[button.classList[0]](button.closest("li").item);
});
list.addEventListener("change", ({ target }) => {
  if (target.matches(".task > [type=checkbox]")) complete(target.closest("li").item);
});

/**
 * Write to a task if it is still `known`, the version that the user saw; else ask the user.
 * Return the task as it is now, or null if it is deleted.
 */
async function write(item, known, method, path, mine) {
  for (;;) {
    let now;
    try {
      const answer = await call(method, path, { body: mine, headers: { "if-match": known.etag } });
      return answer.status === 204 ? null : answer.body;
    } catch (error) {
      if (error.status === 404 && method === "DELETE") return null;
      if (error.status !== 412) throw error;
      now = error.details.task;
    }
    // Perhaps an earlier attempt of this write changed it, without an answer.
    const done = mine && Object.keys(mine).every((name) => comparable(name, mine) === comparable(name, now));
    if (done || !(await askWhetherToKeepMine(item, mine, now))) return now;
    known = now;
  }
}

/** Return a field's value in a form that === compares. */
function comparable(name, task) {
  if (name === "due_date") return task.due_date?.includes("T") ? Date.parse(task.due_date) : task.due_date;
  return name === "tags" ? task.tags.join() : task[name];
}

async function complete(item) {
  const completed = $("input", item.element).checked;
  await hold(item);
  attempt(item, async (known) => {
    const now = await write(item, known, "PATCH", `${taskPath(known)}/complete`, { completed });
    if (now) say(`${now.title}: ${now.completed ? "completed" : "pending"}`);
    return now;
  });
}

/** Put a form into an item, instead of its row; return it, and a function that closes it. */
function openForm({ element }, id, returnTo) {
  const form = fromTemplate(id);
  $(".task", element).hidden = true;
  $(".card", element).append(form);
  element.ariaBusy = "false";
  const close = () => {
    const focused = form.contains(document.activeElement);
    form.remove();
    $(".task", element).hidden = false;
    if (focused) $(returnTo, element).focus();
  };
  return [form, close];
}

/** Fill the fields of a due date, and add the buttons of the next days. */
function addDays(form, due, choose) {
  const { date, time } = form.elements;
  const today = dayOf(new Date());
  const days = Array.from({ length: 7 }, (_, number) => today + number).map((day) => [nameDay(day), isoDay(day)]);
  ({ date: date.value, time: time.value } = toFields(due));
  const buttons = [...days, ["No date", ""]].map(([text, value]) => {
    const button = chip(text, () => {
      date.value = value;
      if (!value) time.value = "";
      press();
      choose?.();
    });
    if (value) button.title = describeFully(value);
    return [button, value];
  });
  const press = () => buttons.forEach(([button, value]) => { button.ariaPressed = String(value === date.value); });
  $(".days", form).append(...buttons.map(([button]) => button));
  date.addEventListener("input", press);
  press();
}

/** Return the date and the time of a form's fields, or show an error and return null. */
function readDue(form) {
  const { date, time } = form.elements; // the browser refuses half a date
  return showFault(date, time.value && !date.value ? "A time needs a date" : "")
    ? null : { date: date.value, time: time.value };
}

/** Change only the due date. */
async function plan(item) {
  await hold(item);
  const { known } = item;
  const [form, close] = openForm(item, "planner", ".plan");
  const cancel = () => { close(); settle(item, known); };
  const old = toFields(known.due_date);
  $("legend span", form).textContent = known.title;
  addDays(form, known.due_date, () => form.requestSubmit());
  ($("[aria-pressed=true]", form) ?? $(".days button", form)).focus();
  $("button.plain", form).onclick = cancel;
  form.onkeydown = ({ key }) => { if (key === "Escape") cancel(); };
  form.onsubmit = (event) => {
    event.preventDefault();
    const due = readDue(form);
    if (!due) return;
    if (due.date === old.date && due.time === old.time) return cancel();
    const body = toBody(due);
    close();
    item.element.ariaBusy = "true";
    preview(item.element, { ...known, due_date: normalized(body.due_date) });
    attempt(item, async () => {
      const now = await write(item, known, "PATCH", taskPath(known), body);
      if (now) say(`${now.title}: ${now.due_date ? `due ${describeDue(now.due_date)}` : "no due date"}`);
      return now;
    });
  };
}

const splitTags = (text) => [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];

/** Let the user add the tags of other tasks by a click. */
function suggestTags(field) {
  const show = () => {
    const has = splitTags(field.value);
    const others = (summary?.tags ?? []).filter(({ tag }) => !has.includes(tag)).slice(0, 8);
    field.form.querySelector(".suggested").replaceChildren(...others.map(({ tag }) =>
      chip(`#${tag}`, () => { field.value = [...has, tag].join(", "); show(); field.focus(); })));
  };
  field.addEventListener("input", show);
  show();
}

const editors = new Set(); // for each open editor, a function that says whether it has changes

/** Return whether an editor has changes that aren't saved. */
export const hasUnsavedEdits = () => [...editors].some((isDirty) => isDirty());

/** Return what to send for the fields of a form that differ from a task. */
function changes({ elements }, task) {
  const { title, description, priority, tags, date, time } = elements;
  const typed = {
    title: title.value.trim(), description: description.value || null,
    priority: priority.value, tags: splitTags(tags.value),
  };
  const differs = ([name]) => comparable(name, typed) !== comparable(name, task);
  const changed = Object.fromEntries(Object.entries(typed).filter(differs));
  const [due, old] = [{ date: date.value, time: time.value }, toFields(task.due_date)];
  return due.date === old.date && due.time === old.time ? changed : { ...changed, ...toBody(due) };
}

const EMPTY = { title: "", description: null, priority: "medium", tags: [], due_date: null };

async function edit(item) {
  const { element } = item;
  await hold(item);
  let { known } = item;
  const [form, closeForm] = openForm(item, "editor", ".open");
  const { title, description, priority, tags } = form.elements;
  const isDirty = () => Object.keys(changes(form, known)).length > 0;
  const values = () => JSON.stringify(changes(form, EMPTY));
  const close = (now) => {
    editors.delete(isDirty);
    closeForm();
    settle(item, now);
  };
  title.value = known.title;
  description.value = known.description ?? "";
  priority.value = known.priority;
  tags.value = known.tags.join(", ");
  addDays(form, known.due_date);
  suggestTags(tags);
  $(".dates", form).textContent = `Created ${describeDue(known.created_at)}, last changed ${describeDue(known.updated_at)}`;
  editors.add(isDirty);
  title.focus();

  let saving = false;
  let again = false;
  const leave = () => {
    if (!saving && (!isDirty() || confirm("Discard your changes to this task?"))) close(known);
  };
  $("button.plain", form).onclick = leave;
  form.onkeydown = (event) => {
    if (event.key === "Escape") leave();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  };
  form.onsubmit = async (event) => {
    event.preventDefault();
    again = saving;
    if (saving) return;
    for (const field of [description, priority, tags]) showFault(field, "");
    if (showFault(title, checkTitle(title.value)) || !readDue(form)) return;
    const mine = changes(form, known);
    if (!isDirty()) return close(known);
    const sent = values();
    saving = true;
    element.ariaBusy = "true";
    try {
      known = await write(item, known, "PATCH", taskPath(known), mine);
      say(`Saved ${known.title}`);
      if (values() === sent) close(known); // else the user has typed more meanwhile
    } catch (error) {
      again = false;
      if (error.status === 404) {
        const typed = changes(form, EMPTY);
        close(null);
        toast("It was deleted elsewhere while you edited it.", "Add mine as new", () => enqueue(typed));
      } else showFault(faultyField(form, error.details?.field), error.message);
    }
    saving = false;
    if (!form.isConnected) return;
    element.ariaBusy = "false";
    if (again) form.requestSubmit();
  };
}

/** Return the form's field for a field of the API. */
function faultyField({ elements }, name = "title") {
  if (name === "due_date" || name === "time_zone") return elements.date;
  return elements[name.split(/\W/)[0]] ?? elements.title;
}

/** Delete a task once the time to undo it is over. */
async function remove(item) {
  await hold(item);
  const { known, element } = item;
  moveFocusAway(element);
  element.hidden = true;
  describeList();
  toast(
    `Deleted “${known.title}”`, "Undo",
    () => { settle(item, known); $(".open", element).focus(); },
    () => attempt(item, () => write(item, known, "DELETE", taskPath(known))),
  );
}

/** Show that a task was changed elsewhere; return whether to keep the user's version. */
function askWhetherToKeepMine({ element }, mine, theirs) {
  const panel = fromTemplate("conflict");
  const inWords = ({ title, description, completed, due_date: due, priority, tags }) => [
    title, description, due && `Due ${describeDue(normalized(due))}`,
    priority !== "medium" && `Priority: ${priority}`, tags.map((tag) => `#${tag}`).join(" "),
    completed ? "✓ Completed" : "○ Pending",
  ].filter(Boolean).join("\n");
  const [own, other] = panel.querySelectorAll("dd");
  $("h2", panel).textContent = "This task was changed elsewhere meanwhile";
  panel.ariaLabel = $("h2", panel).textContent;
  own.textContent = mine ? inWords({ ...theirs, ...mine }) : "Delete it";
  other.textContent = inWords(theirs);
  element.hidden = false;
  element.dataset.asking = "yes";
  element.ariaBusy = "false"; // it waits for the user
  $(".card", element).append(panel);
  say(panel.ariaLabel);
  if (element.contains(document.activeElement)) panel.focus(); // the focused element is hidden now
  else offerFocus(panel);
  return new Promise((resolve) => {
    const [keep, take] = panel.querySelectorAll("button");
    const answer = (kept) => () => {
      const focused = panel.contains(document.activeElement);
      panel.remove();
      delete element.dataset.asking;
      element.ariaBusy = "true";
      if (focused) ($("form [name=title]", element) ?? $(".open", element)).focus();
      resolve(kept);
    };
    keep.onclick = answer(true);
    take.onclick = answer(false);
  });
}
