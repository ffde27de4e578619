// The form for a new task. Its text is all there is: the buttons add words to it, and below
// it the page shows how it reads them. Pressing one of these keeps its words in the title.

import { addTask } from "./actions.js";
import { canBeDue, dayOf, describeDue, dueDay, timeZone, toBody } from "./dates.js";
import { $, checkTitle, say, showFault } from "./messages.js";
import { dueFields, parse, toggleWord } from "./quick_add.js";
import { describeRule, onDay } from "./recurrence.js";
import { chip, filters, summary } from "./view.js";
import { capitalized } from "./words.js";

const form = $("#new");
const { title: input, date, time } = form.elements;
const kept = new Set(); // words that stay in the title
const nameOf = ({ kind, text, value }) => `${kind} ${text?.toLowerCase() ?? value}`;
const keeps = (word) => kept.has(nameOf(word));
let added = false; // and nothing typed since, so a second Enter does nothing

/** Return whether there is text that was not added. */
export const hasDraft = () => input.value.trim() !== "";

/**
 * Return how the text is read: { title, words }. The list's filters add words that have no
 * text, so that the new task will be in the list.
 */
function readDraft() {
  const { title, words } = parse(input.value, undefined, keeps);
  const has = (...kinds) => words.some(({ kind }) => kinds.includes(kind));
  const filtered = [...filters.tags].map((value) => ({ kind: "tags", value }));
  if (filters.due === "today" && !has("day", "time", "rule")) filtered.push({ kind: "day", value: dayOf(new Date()) });
  if (filters.priority.size === 1 && !has("priority")) filtered.push({ kind: "priority", value: [...filters.priority][0] });
  const isNew = ({ kind, value }) => !words.some((word) => word.kind === kind && word.value === value);
  return { title, words: [...words, ...filtered.filter((word) => isNew(word) && !keeps(word))] };
}

/** Return what to send. */
function toTask({ title, words }) {
  const valuesOf = (kind) => words.filter((word) => word.kind === kind).map(({ value }) => value);
  const due = dueFields(words);
  const [priority] = valuesOf("priority");
  const [rule] = valuesOf("rule");
  const tags = [...new Set(valuesOf("tags"))];
  const recurring = rule && { recurrence: onDay(rule, dueDay(due.date)), time_zone: timeZone() };
  return { title, ...(due.date && toBody(due)), ...recurring, ...(priority && { priority }), ...(tags.length && { tags }) };
}

/** Show how the text is read. */
function showDraft() {
  const { title, words } = readDraft();
  const { due_date: due, recurrence: rule, priority } = toTask({ title, words });
  const of = (...kinds) => words.filter(({ kind }) => kinds.includes(kind));
  const parts = [];
  const dueWords = of("day", "time");
  if (due) parts.push([`Due ${describeDue(due)}`, dueWords.length ? dueWords : of("rule")]);
  if (rule) parts.push([capitalized(describeRule(rule)), of("rule")]);
  if (priority) parts.push([`${capitalized(priority)} priority`, of("priority")]);
  parts.push(...of("tags").map((word) => [`#${word.value}`, [word]]));
  const isTyped = hasDraft();
  const shown = isTyped ? parts : [];
  const before = $("#draft").textContent;
  $("#draft").replaceChildren(...shown.map(([text, sources]) => draftChip(text, sources)));
  $("#draft").hidden = !shown.length;
  if (shown.length && $("#draft").textContent !== before) say(shown.map(([text]) => text).join(", "));
  $("#quick").hidden = !isTyped;
  for (const button of $("#quick .words").children)
    button.ariaPressed = String(words.some(({ text }) => text?.toLowerCase() === button.dataset.word));
  const fields = dueFields(words);
  if (document.activeElement !== date) date.value = fields.date;
  if (document.activeElement !== time) time.value = fields.time;
}

/** Return a button that says what words mean; pressed, it keeps them in the title. */
function draftChip(text, sources) {
  const button = chip(`${text} ✕`, () => {
    sources.forEach((word) => kept.add(nameOf(word)));
    showDraft();
    input.focus();
  });
  const typed = sources.map((word) => word.text).filter(Boolean).join(" ");
  button.title = button.ariaDescription = typed
    ? `Press to keep “${typed}” in the title` : "From the list's filter. Press to leave it out";
  return button;
}

/** Put a word at the end of the text, or take it away; the caret stays in the title. */
function toggle(kind, word) {
  input.value = toggleWord(input.value, kind, word, undefined, keeps);
  showDraft();
}

function showQuickWords() {
  const words = [["day", "today", "Today"], ["day", "tomorrow", "Tomorrow"], ["day", "next week", "Next week"],
    ["priority", "!high", "High"], ["priority", "!urgent", "Urgent"],
    ...(summary?.tags ?? []).slice(0, 5).map(({ tag }) => ["tags", /\s/.test(tag) ? `#"${tag}"` : `#${tag}`, `#${tag}`])];
  $("#quick .words").replaceChildren(...words.map(([kind, word, text]) => {
    const button = chip(text, () => {
      toggle(kind, word);
      input.focus();
      const { length } = readDraft().title;
      input.setSelectionRange(length, length);
    });
    button.dataset.word = word.toLowerCase();
    return button;
  }));
  showDraft();
}

for (const [field, kind] of [[date, "day"], [time, "time"]])
  field.oninput = () => {
    const old = readDraft().words.find((word) => word.kind === kind && word.text);
    const isComplete = kind === "time" || canBeDue(field.value);
    if (field.value && isComplete) toggle(kind, field.value);
    else if (old && !field.validity.badInput) toggle(kind, old.text); // it was cleared
  };

form.onsubmit = (event) => {
  event.preventDefault();
  input.focus();
  if (added && !input.value) return;
  const draft = readDraft();
  if (showFault(input, checkTitle(draft.title))) return;
  addTask(toTask(draft));
  input.value = "";
  kept.clear();
  added = true;
  showDraft();
};
input.oninput = () => {
  added = false;
  if (!input.value) kept.clear();
  showFault(input, "");
  showDraft();
};
form.addEventListener("summary", showQuickWords);
showQuickWords();
