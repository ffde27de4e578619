// What somebody types for a new task. Only words at the end have a meaning: a day, a time, a
// rule, #tags and a !priority. The page shows what it has read before it sends anything.

import { dayOf, isoDay, nextMonday, weekday } from "./dates.js";
import { firstDay, WEEKDAYS as ON_WEEKDAYS } from "./recurrence.js";

export const PRIORITIES = ["low", "medium", "high", "urgent"];
const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAY_NAME = "(?:mon(?:day)?|tue(?:s|sday)?|wed(?:nesday)?|thu(?:r|rs|rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)";
const WEEKDAY = `(${WEEKDAY_NAME})`;
const WEEKDAY_LIST = `(${WEEKDAY_NAME}(?:(?:,? and |, ?)${WEEKDAY_NAME})*)`;
const MONTH = "(january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sep|oct|nov|dec)";
const DAY = "([12]?\\d|3[01])(?:st|nd|rd|th)?";
const YEAR = "(?:,? (20\\d\\d))?";
// Words that belong to the day or the time after them, and leave the title with it.
const ON = "(?:due )?(?:(?:on|by|this|for|before|until|till) )?";
const AT = "(?:(?:at|by|for|before|until|till) |@ ?)?";
const EVERY = "(?:every|each)";
const OFTEN = "(?:(other|[1-9]\\d{0,2}) )?";
// After these a day or a time is no due date ("last monday", "from 5pm", "Friday or Saturday"),
// and a rule no rule ("the daily"), unless there is a comma between them.
const NO_DUE_DATE_AFTER = /\s(?:every|each|other|from|since|after|between|last|past|the|an?|and|or|to|of|than)$/i;

/** Return the day of an ISO date; nothing for one like 2026-02-30. */
function existingDate(text) {
  const day = Date.parse(text) / 86_400_000;
  return day >= 0 && isoDay(day) === text ? day : undefined;
}

/** Return the day with this date, the next one if there is no year; nothing for one like 31 June. */
function dateInWords(today, day, month, year) {
  const thisYear = Number(isoDay(today).slice(0, 4));
  const inYear = (each) => existingDate(`${each}-${two(indexOf(MONTHS, month) + 1)}-${two(day)}`);
  return year ? inYear(year) : [thisYear, thisYear + 1].map(inYear).find((each) => each >= today);
}

/** Return the index of a weekday or month in a list of their first three letters. */
const indexOf = (list, name) => list.indexOf(name.slice(0, 3).toLowerCase());

const two = (number) => String(number).padStart(2, "0");
const hours = (hour, half) => (hour % 12) + (/^p/i.test(half) ? 12 : 0);
const time = (hour, minute) => `${two(hour)}:${minute}`;

/** Return a rule with these parts; `often` is a number, "other" or nothing. */
const ruleOf = (frequency, often, days = "") => {
  const interval = often?.toLowerCase() === "other" ? 2 : Number(often ?? 1);
  return `FREQ=${frequency}${interval > 1 ? `;INTERVAL=${interval}` : ""}${days}`;
};
const FREQUENCIES = { day: "DAILY", week: "WEEKLY", month: "MONTHLY", year: "YEARLY" };

// Each form of a word: what it is, how it looks, and its value (undefined: it is no such word).
const FORMS = [
  ["rule", `${EVERY} weekday|on weekdays`, () => ON_WEEKDAYS],
  ["rule", `${EVERY} ${OFTEN}(day|week|month|year)s?`, (_, often, unit) => ruleOf(FREQUENCIES[unit.toLowerCase()], often)],
  ["rule", `${EVERY} ${OFTEN}${WEEKDAY_LIST}`, (_, often, names) =>
    ruleOf("WEEKLY", often, `;BYDAY=${names.toUpperCase().split(/, AND | AND |, ?/).map((name) => name.slice(0, 2))}`)],
  ["rule", "(daily|weekly|monthly|yearly)", (_, name) => ruleOf(name.toUpperCase())],
  ["day", `${ON}(?:the )?day after tomorrow`, (today) => today + 2],
  ["day", `${ON}today`, (today) => today],
  ["day", `${ON}(?:tomorrow|tmrw|tmr)`, (today) => today + 1],
  ["day", `${ON}next week`, (today) => nextMonday(today)],
  ["day", `${ON}next ${WEEKDAY}`, (today, name) => nextMonday(today) + indexOf(WEEKDAYS, name)],
  ["day", `${ON}${WEEKDAY}`, (today, name) => today + 1 + ((indexOf(WEEKDAYS, name) - weekday(today) + 6) % 7)],
  ["day", "in (\\d{1,3}) (day|week)s?", (today, count, unit) => today + count * (/d/i.test(unit) ? 1 : 7)],
  ["day", `${ON}(\\d{4}-\\d\\d-\\d\\d)`, (_, text) => existingDate(text)],
  ["day", `${ON}${DAY}\\.?(?: of)? ${MONTH}${YEAR}`, (today, day, month, year) => dateInWords(today, day, month, year)],
  ["day", `${ON}${MONTH} ${DAY}${YEAR}`, (today, month, day, year) => dateInWords(today, day, month, year)],
  ["time", `${AT}([01]?\\d|2[0-3]):([0-5]\\d)`, (_, hour, minute) => time(hour, minute)],
  ["time", `${AT}(1[0-2]|[1-9]) ?([ap])\\.?m\\.?`, (_, hour, half) => time(hours(hour, half), "00")],
  ["time", `${AT}(1[0-2]|[1-9])[:.]([0-5]\\d) ?([ap])\\.?m\\.?`, (_, hour, minute, half) => time(hours(hour, half), minute)],
  ["priority", `!(${PRIORITIES.join("|")})`, (_, name) => name.toLowerCase()],
  ["tags", '#"([^",#]{1,50})"', (_, name) => name.trim() || undefined],
  ["tags", '#(?=[^\\s]*\\p{L})([^\\s,#"]{1,50})', (_, name) => name],
].map(([kind, form, value]) => [kind, new RegExp(`(?<=\\S),?\\s+(${form})$`, "iu"), value]);

/**
 * Return the title, and what the words after it mean: { title, words: [{ kind, text, value }] }.
 * Words for which `keeps` returns true stay in the title.
 */
export function parse(typed, now = new Date(), keeps = () => false) {
  const today = dayOf(now);
  let words = [];
  const kinds = new Set();
  let rest = typed.trim();
  let ending = ""; // words that stay in the title, although they are after others that don't
  const keepDue = () => {
    ending = `${words.filter(isDue).map(({ text }) => ` ${text}`).join("")}${ending}`;
    words = words.filter((word) => !isDue(word));
  };
  for (;;) {
    const found = lastWord(rest, today);
    if (!found || (found.kind !== "tags" && kinds.has(found.kind))) break;
    const isMeant = rest[found.start] === "," || !NO_DUE_DATE_AFTER.test(rest.slice(0, found.start));
    if (found.kind === "rule" && !isMeant) break;
    if (isDue(found) && !isMeant) {
      keepDue();
      break;
    }
    kinds.add(found.kind);
    if (keeps(found)) ending = ` ${found.text}${ending}`;
    else words.unshift(found);
    rest = rest.slice(0, found.start);
  }
  // "Tomorrow 5pm" has no other title, so the time must not become today's.
  if (!kinds.has("day") && lastWord(`- ${rest}`, today)?.kind === "day") keepDue();
  return { title: rest + ending, words };
}

const isDue = ({ kind }) => kind === "day" || kind === "time";

function lastWord(text, today) {
  for (const [kind, form, toValue] of FORMS) {
    const match = form.exec(text);
    const value = match ? toValue(today, ...match.slice(2)) : undefined;
    if (value !== undefined) return { kind, text: match[1], value, start: match.index };
  }
  return null;
}

/**
 * Return the date and time fields that the words mean; a time alone is the next such time,
 * and a rule alone begins on its first day.
 */
export function dueFields(words, now = new Date()) {
  const valueOf = (kind) => words.find((word) => word.kind === kind)?.value;
  const [day, time, rule] = [valueOf("day"), valueOf("time"), valueOf("rule")];
  if (day === undefined && !time && !rule) return { date: "", time: "" };
  const isOver = time <= now.toTimeString().slice(0, 5); // false without a time
  const next = dayOf(now) + (isOver ? 1 : 0);
  return { date: isoDay(day ?? (rule ? firstDay(rule, next) : next)), time: time ?? "" };
}

/** Return the text with this word at its end, instead of another of its kind; or without it. */
export function toggleWord(typed, kind, text, now = new Date(), keeps = () => false) {
  const { title, words } = parse(typed, now, keeps);
  const isSame = (word) => word.text.toLowerCase() === text.toLowerCase();
  const others = words.filter((word) => !isSame(word) && (kind === "tags" || word.kind !== kind));
  const put = [...others.map((word) => word.text), ...(words.some(isSame) ? [] : [text])].join(" ");
  return put ? `${title}${NO_DUE_DATE_AFTER.test(title) ? "," : ""} ${put}` : title;
}
