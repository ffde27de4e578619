// Due dates: in words, in form fields, and in the order of the API's lists. A due date is
// "2026-03-09" (all day: the same day everywhere) or an instant, "2026-03-09T16:00:00Z".
// Days are counted from 1970, so that neither a zone nor a clock change moves one.

const LANGUAGE = globalThis.navigator?.language ?? "";
const LOCALE = LANGUAGE.startsWith("en") ? LANGUAGE : "en-GB"; // the page's words are English
const DAY = 86_400_000; // milliseconds

export const isAllDay = (due) => !due.includes("T");
export const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Return the number of the day that a clock of this machine shows at a time. */
export const dayOf = (time) => Date.UTC(time.getFullYear(), time.getMonth(), time.getDate()) / DAY;

/** Return the day on which a task is due here: an all-day date is never converted. */
export const dueDay = (due) => (isAllDay(due) ? Date.parse(due) / DAY : dayOf(new Date(due)));

/** Return a day as "2026-03-09". */
export const isoDay = (day) => new Date(day * DAY).toISOString().slice(0, 10);

/** Return the Monday after a day. */
export const nextMonday = (day) => day + 7 - weekday(day);

/** Return the number of a day's weekday; Monday is 0. */
export const weekday = (day) => (day + 3) % 7; // 1970 began on a Thursday

const inWords = (day, options) =>
  new Intl.DateTimeFormat(LOCALE, { ...options, timeZone: "UTC" }).format(day * DAY);
const clock = (time) => new Intl.DateTimeFormat(LOCALE, { hour: "numeric", minute: "2-digit" }).format(time);

/** Return a day in words, seen from today: "tomorrow", "Monday", "Mon 9 Mar", "9 Mar 2027". */
export function describeDay(day, now = new Date()) {
  const distance = day - dayOf(now);
  const near = { [-1]: "yesterday", 0: "today", 1: "tomorrow" }[distance];
  if (near) return near;
  if (distance > 1 && distance < 7) return inWords(day, { weekday: "long" });
  if (!isThisYear(day, now)) return inWords(day, { day: "numeric", month: "short", year: "numeric" });
  return `${inWords(day, { weekday: "short" })} ${inWords(day, { day: "numeric", month: "short" })}`;
}

const isThisYear = (day, now) => isoDay(day).slice(0, 4) === String(now.getFullYear());

/** Return a day as the heading of a group: "Tomorrow", "Monday, 9 March". */
export function describeGroup(day, now = new Date()) {
  const distance = day - dayOf(now);
  if (distance < 0) return "Earlier";
  if (distance < 2) return ["Today", "Tomorrow"][distance];
  return inFull(day, isThisYear(day, now) ? {} : { year: "numeric" });
}

const inFull = (day, year) =>
  `${inWords(day, { weekday: "long" })}, ${inWords(day, { day: "numeric", month: "long", ...year })}`;

/** Return a short name for one of the next seven days: "Today", "Tomorrow", "Mon 9". */
export function nameDay(day, now = new Date()) {
  const distance = day - dayOf(now);
  if (distance >= 0 && distance < 2) return ["Today", "Tomorrow"][distance];
  return `${inWords(day, { weekday: "short" })} ${inWords(day, { day: "numeric" })}`;
}

/** Return a due date in words: "tomorrow", "Monday, 17:00". */
export function describeDue(due, now = new Date()) {
  const day = describeDay(dueDay(due), now);
  return isAllDay(due) ? day : `${day}, ${clock(new Date(due))}`;
}

/** Return how late a pending task is: "3 days late", "late since 17:00"; null if it isn't. */
export function describeLateness(due, now = new Date()) {
  if (!isOverdue(due, now)) return null;
  const days = dayOf(now) - dueDay(due);
  if (days === 0) return `late since ${clock(new Date(due))}`;
  return days === 1 ? "1 day late" : `${days} days late`;
}

/** An all-day task is overdue when its day is over, another when its instant has passed. */
export const isOverdue = (due, now = new Date()) =>
  isAllDay(due) ? dueDay(due) < dayOf(now) : new Date(due) < now;

/** Return a due date in full, for a title: "Monday, 9 March 2026 at 17:00". */
export function describeFully(due) {
  const day = inFull(dueDay(due), { year: "numeric" });
  return isAllDay(due) ? day : `${day} at ${clock(new Date(due))}`;
}

/** Return whether a day can be due: while somebody types a year, a date field has year 2 or 20. */
export const canBeDue = (value) => value >= "1970" && value <= "9999-12-31";

/** Return a due date as the values of a date field and a time field, on this machine's clock. */
export function toFields(due) {
  if (!due) return { date: "", time: "" };
  if (isAllDay(due)) return { date: due, time: "" };
  const time = new Date(due);
  const two = (number) => String(number).padStart(2, "0");
  return { date: isoDay(dayOf(time)), time: `${two(time.getHours())}:${two(time.getMinutes())}` };
}

/** Return what to send for a date and a time on this machine's clock; the API converts them. */
export function toBody({ date, time }) {
  if (!date) return { due_date: null };
  if (!time) return { due_date: date };
  return { due_date: `${date}T${time}:00`, time_zone: timeZone() };
}

/** Return a due date as the API gives it back, of one that has no UTC offset yet. */
export const normalized = (due) => (due && !isAllDay(due) ? new Date(due).toISOString() : due);
