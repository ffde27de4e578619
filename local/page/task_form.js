// The form of a task's fields: to edit a task, and to correct a new one that the API refused.

import { canBeDue, dayOf, describeFully, dueDay, isoDay, nameDay, timeZone, toBody, toFields } from "./dates.js";
import { $, checkTitle, fromTemplate, showFault } from "./messages.js";
import { commonRules, describeRule, normalizeRule } from "./recurrence.js";
import { chip, summary } from "./view.js";
import { capitalized } from "./words.js";

/** A task with the values that a new one has if they aren't sent. */
export const EMPTY = { title: "", description: null, priority: "medium", tags: [], due_date: null, recurrence: null };

/** Fill the form with a task's values. */
export function fillForm(form, task) {
  const { title, description, priority, tags } = form.elements;
  title.value = task.title;
  description.value = task.description ?? "";
  priority.value = task.priority;
  tags.value = task.tags.join(", ");
  addDays(form, task.due_date);
  addRules(form, task.recurrence);
  suggestTags(tags);
  form.addEventListener("keydown", ({ key, ctrlKey, metaKey }) => {
    if (key === "Enter" && (ctrlKey || metaKey)) form.requestSubmit();
  });
}

/** Fill the fields of a due date, and add the buttons of the next days. */
export function addDays(form, due, choose) {
  const { date, time } = form.elements;
  const today = dayOf(new Date());
  const days = Array.from({ length: 7 }, (_, number) => today + number).map((day) => [nameDay(day), isoDay(day)]);
  ({ date: date.value, time: time.value } = toFields(due));
  const buttons = [...days, ["No date", ""]].map(([text, value]) => {
    const button = chip(text, () => {
      date.value = value;
      if (!value) time.value = "";
      date.dispatchEvent(new Event("input"));
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

const CUSTOM = "custom"; // the choice for a rule that the user types

/** Add the choice of a rule, and a field for another one. */
export function addRules(form, rule) {
  $(".due", form).append(fromTemplate("rules"));
  const { date, rules, recurrence } = form.elements;
  const [none, custom] = rules.options;
  let common = [];
  const showRules = (chosen) => {
    const before = common.findIndex(([each]) => each === chosen && each !== rule);
    common = commonRules(canBeDue(date.value) ? dueDay(date.value) : null);
    const now = common[before]?.[0] ?? chosen; // the same choice, for another day
    const choices = new Map(common);
    for (const each of [rule, now])
      if (each && each !== CUSTOM && !choices.has(each)) choices.set(each, capitalized(describeRule(each)));
    rules.replaceChildren(none, ...[...choices].map(([each, words]) => new Option(words, each)), custom);
    rules.value = now;
    showChosen();
  };
  const showChosen = () => {
    const isCustom = rules.value === CUSTOM;
    if (rules.value && !isCustom) recurrence.value = rules.value; // to begin a custom rule with
    const typed = normalizeRule(recurrence.value);
    const words = describeRule(typed);
    showFault(date, "");
    $(".custom", form).hidden = !isCustom;
    $(".needs-date", form).hidden = !rules.value || Boolean(date.value);
    $("output", form).textContent = words === typed ? "" : capitalized(words);
  };
  date.addEventListener("input", () => showRules(rules.value));
  recurrence.addEventListener("input", showChosen);
  rules.addEventListener("change", showChosen);
  showRules(rule ?? "");
}

/** Return the rule of a form, null if the task shall not recur. */
const readRule = ({ elements: { rules, recurrence } }) =>
  (rules.value === CUSTOM ? normalizeRule(recurrence.value) : rules.value) || null;

/** Return whether the fields of the due date and the rule fit together; show what is wrong. */
export function checkDue(form) {
  const { date, time, recurrence } = form.elements; // the browser refuses half a date
  showFault(recurrence, "");
  const words = time.value ? "A time needs a date" : readRule(form) ? "A task that repeats needs a due date" : "";
  return !showFault(date, date.value ? "" : words);
}

/** Return what to send for the due date and the rule of a form, if they differ from a task's. */
export function dueChanges(form, task) {
  const { date, time } = form.elements;
  const [rule, old] = [readRule(form), toFields(task.due_date)];
  const isSame = date.value === old.date && time.value === old.time;
  return {
    ...(!isSame && toBody({ date: date.value, time: time.value })),
    // The rule's days are those of this machine's clock, like the fields.
    ...(rule !== (task.recurrence ?? null) && { recurrence: rule, ...(rule && { time_zone: timeZone() }) }),
  };
}

/** Let the user add the tags of other tasks by a click. */
function suggestTags(field) {
  const show = () => {
    const has = splitTags(field.value);
    const others = (summary?.tags ?? []).filter(({ tag }) => !has.includes(tag)).slice(0, 8);
    $(".suggested", field.form).replaceChildren(...others.map(({ tag }) => chip(`#${tag}`, () => {
      field.value = [field.value.replace(/[,\s]+$/, ""), tag].filter(Boolean).join(", ");
      show();
      field.focus();
    })));
  };
  field.addEventListener("input", show);
  show();
}

/** Return the tags of a text; "#home" means home, unless the task has such a tag. */
function splitTags(text, had = []) {
  const tags = text.split(",").map((tag) => tag.trim());
  return [...new Set(tags.map((tag) => (had.includes(tag) ? tag : tag.replace(/^#\s*/, ""))).filter(Boolean))];
}

/** Return what to send for the fields of a form that differ from a task. */
export function changes(form, task) {
  const { title, description, priority, tags } = form.elements;
  const typed = {
    title: title.value.trim(), description: description.value || null,
    priority: priority.value, tags: splitTags(tags.value, task.tags),
  };
  const differs = ([name]) => comparable(name, typed) !== comparable(name, task);
  return { ...Object.fromEntries(Object.entries(typed).filter(differs)), ...dueChanges(form, task) };
}

/** Return a field's value in a form that === compares. */
export function comparable(name, task) {
  if (name === "due_date") return task.due_date?.includes("T") ? Date.parse(task.due_date) : task.due_date;
  return name === "tags" ? task.tags.join() : task[name];
}

/** Return whether the form can be sent; show what is wrong if the page itself knows. */
export function isValid(form) {
  const { title, description, priority, tags } = form.elements;
  for (const field of [description, priority, tags]) showFault(field, "");
  return !showFault(title, checkTitle(title.value)) && checkDue(form);
}

/** Show the API's message at the field that it is about. */
export function showRefusal(form, { message, details }) {
  const name = details?.field ?? "title";
  const { elements } = form;
  if (name === "recurrence" && elements.rules.value !== CUSTOM) {
    elements.rules.value = CUSTOM;
    elements.rules.dispatchEvent(new Event("change"));
  }
  const isDue = name === "due_date" || name === "time_zone";
  showFault(isDue ? elements.date : elements[name.split(/\W/)[0]] ?? elements.title, message);
}
