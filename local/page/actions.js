// What the user does with a task: complete, edit, plan, delete.

import { call, taskPath } from "./api.js";
import { describeDue, normalized, toBody, toFields } from "./dates.js";
import { attempt, describeList, hold, list, moveFocusAway, preview, settle } from "./list.js";
import { $, fromTemplate, offerFocus, say, toast } from "./messages.js";
import { enqueue } from "./outbox.js";
import { addDays, changes, comparable, EMPTY, fillForm, isValid, readDue, showRefusal } from "./task_form.js";

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

const editors = new Set(); // for each open editor, a function that says whether it has changes

/** Return whether an editor has changes that aren't saved. */
export const hasUnsavedEdits = () => [...editors].some((isDirty) => isDirty());

async function edit(item) {
  const { element } = item;
  await hold(item);
  let { known } = item;
  const [form, closeForm] = openForm(item, "editor", ".open");
  const isDirty = () => Object.keys(changes(form, known)).length > 0;
  const values = () => JSON.stringify(changes(form, EMPTY));
  const close = (now) => {
    editors.delete(isDirty);
    closeForm();
    settle(item, now);
  };
  fillForm(form, known);
  $(".dates", form).textContent = `Created ${describeDue(known.created_at)}, last changed ${describeDue(known.updated_at)}`;
  editors.add(isDirty);
  form.elements.title.focus();

  let saving = false;
  let again = false;
  const leave = () => {
    if (!saving && (!isDirty() || confirm("Discard your changes to this task?"))) close(known);
  };
  $("button.plain", form).onclick = leave;
  form.onkeydown = ({ key }) => { if (key === "Escape") leave(); };
  form.onsubmit = async (event) => {
    event.preventDefault();
    again = saving;
    if (saving) return;
    if (!isValid(form)) return;
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
      } else showRefusal(form, error);
    }
    saving = false;
    if (!form.isConnected) return;
    element.ariaBusy = "false";
    if (again) form.requestSubmit();
  };
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
