// The form of a task's fields: to edit a task, and to correct a new one that the API refused.

import { dayOf, describeFully, isoDay, nameDay, toBody, toFields } from "./dates.js";
import { $, checkTitle, showFault } from "./messages.js";
import { chip, summary } from "./view.js";

/** A task with the values that a new one has if they aren't sent. */
export const EMPTY = { title: "", description: null, priority: "medium", tags: [], due_date: null };

/** Fill the form with a task's values. */
export function fillForm(form, task) {
  const { title, description, priority, tags } = form.elements;
  title.value = task.title;
  description.value = task.description ?? "";
  priority.value = task.priority;
  tags.value = task.tags.join(", ");
  addDays(form, task.due_date);
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
export function readDue(form) {
  const { date, time } = form.elements; // the browser refuses half a date
  return showFault(date, time.value && !date.value ? "A time needs a date" : "")
    ? null : { date: date.value, time: time.value };
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
export function changes({ elements }, task) {
  const { title, description, priority, tags, date, time } = elements;
  const typed = {
    title: title.value.trim(), description: description.value || null,
    priority: priority.value, tags: splitTags(tags.value, task.tags),
  };
  const differs = ([name]) => comparable(name, typed) !== comparable(name, task);
  const changed = Object.fromEntries(Object.entries(typed).filter(differs));
  const [due, old] = [{ date: date.value, time: time.value }, toFields(task.due_date)];
  return due.date === old.date && due.time === old.time ? changed : { ...changed, ...toBody(due) };
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
  return !showFault(title, checkTitle(title.value)) && readDue(form) !== null;
}

/** Show the API's message at the field that it is about. */
export function showRefusal(form, { message, details }) {
  const name = details?.field ?? "title";
  const { elements } = form;
  const isDue = name === "due_date" || name === "time_zone";
  showFault(isDue ? elements.date : elements[name.split(/\W/)[0]] ?? elements.title, message);
}
