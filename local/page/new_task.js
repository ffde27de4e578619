// The form for a new task. Its text is all there is: the buttons add words to it, and below
// it the page shows how it reads them. Pressing one of these keeps its words in the title.

import { dayOf, describeDue, isoDay, toBody } from "./dates.js";
import { $, checkTitle, say, showFault } from "./messages.js";
import { enqueue } from "./outbox.js";
import { dueFields, parse, toggleWord } from "./quick_add.js";
import { chip, filters, summary } from "./view.js";

const form = $("#new");
const { title: input, date, time } = form.elements;
const kept = new Set(); // words that stay in the title
const nameOf = ({ kind, text }) => `${kind} ${text.toLowerCase()}`;
const keeps = (word) => kept.has(nameOf(word));
let added = false; // and nothing typed since, so a second Enter does nothing

/** Return the words of the text, and of the list's filters: a new task should be in the list. */
function readDraft() {
  const { title, words } = parse(input.value, undefined, keeps);
  const has = (kind) => words.some((word) => word.kind === kind);
  const [priority] = filters.priority.size === 1 ? filters.priority : [];
  const filtered = [
    ...(filters.due === "today" && !has("day") && !has("time") ? [{ kind: "day", text: "today", value: dayOf(new Date()) }] : []),
    ...(priority && !has("priority") ? [{ kind: "priority", text: priority, value: priority }] : []),
    ...[...filters.tags].filter((tag) => !words.some(({ value }) => value === tag)).map((tag) => ({ kind: "tags", text: tag, value: tag })),
  ].map((word) => ({ ...word, text: `filter ${word.text}`, filtered: true }));
  return { title, words: [...words, ...filtered.filter((word) => !keeps(word))] };
}

/** Return what to send. */
function toTask({ title, words }) {
  const valuesOf = (kind) => words.filter((word) => word.kind === kind).map(({ value }) => value);
  const due = dueFields(words);
  const [priority] = valuesOf("priority");
  const tags = [...new Set(valuesOf("tags"))];
  return { title, ...(due.date && toBody(due)), ...(priority && { priority }), ...(tags.length && { tags }) };
}

/** Show how the text is read. */
function showDraft() {
  const { title, words } = readDraft();
  const { due_date: due, priority } = toTask({ title, words });
  const parts = [];
  if (due) parts.push([`Due ${describeDue(due)}`, words.filter(({ kind }) => kind === "day" || kind === "time")]);
  if (priority) parts.push([`${priority[0].toUpperCase()}${priority.slice(1)} priority`, words.filter(({ kind }) => kind === "priority")]);
  for (const word of words) if (word.kind === "tags") parts.push([`#${word.value}`, [word]]);
  const typed = input.value.trim() !== "";
  const before = $("#draft").textContent;
  $("#draft").replaceChildren(...(typed ? parts.map(([text, sources]) => {
    const button = chip(`${text} ✕`, () => {
      sources.forEach((word) => kept.add(nameOf(word)));
      showDraft();
      input.focus();
    });
    const said = sources.map((word) => word.text).join(" ");
    button.title = button.ariaDescription = sources.every((word) => word.filtered)
      ? "From the list's filter. Press to leave it out" : `Press to keep “${said}” in the title`;
    return button;
  }) : []));
  if (parts.length && typed && $("#draft").textContent !== before) say(parts.map(([text]) => text).join(", "));
  $("#draft").hidden = !typed || !parts.length;
  $("#quick").hidden = !typed;
  for (const button of $("#quick .words").children) {
    const pressed = words.some((word) => word.text?.toLowerCase() === button.dataset.word);
    button.ariaPressed = String(pressed);
  }
  const fields = dueFields(words);
  if (document.activeElement !== date) date.value = fields.date;
  if (document.activeElement !== time) time.value = fields.time;
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

/** Return whether a day can be due: while somebody types a year, a date field has year 2 or 20. */
const canBeDue = (value) => value >= "1970" && value <= "9999-12-31";

for (const [field, kind] of [[date, "day"], [time, "time"]])
  field.oninput = () => {
    const old = readDraft().words.find((word) => word.kind === kind && !word.filtered);
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
  enqueue(toTask(draft));
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

/** Return whether there is text that was not added. */
export const hasDraft = () => input.value.trim() !== "";
