// Rules of recurring tasks, in words. A rule is the `recurrence` of a task: an RRULE of
// RFC 5545 in the API's spelling, "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO".

import { describeDue, isoDay, weekday } from "./dates.js";
import { capitalized, listed, ordinal } from "./words.js";

const UNITS = { DAILY: "day", WEEKLY: "week", MONTHLY: "month", YEARLY: "year" };
const CODES = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const NAMES = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONDAY_TO_FRIDAY = "MO,TU,WE,TH,FR";
export const WEEKDAYS = `FREQ=WEEKLY;BYDAY=${MONDAY_TO_FRIDAY}`;
const BY_DAY = `(-?[1-5])?(${CODES.join("|")})`;
const BY_MONTH_DAY = "(-1|[1-9]\\d?)";
const PART = `INTERVAL=\\d+|COUNT=\\d+|UNTIL=\\d{8}(T\\d{6}Z)?|BYDAY=${BY_DAY}(,${BY_DAY})*|BYMONTHDAY=${BY_MONTH_DAY}(,${BY_MONTH_DAY})*`;
const RULE = new RegExp(`^FREQ=(${Object.keys(UNITS).join("|")})(;(${PART}))*$`);

const partsOf = (rule) => Object.fromEntries(rule.split(";").map((part) => part.split("=")));

/** Return which of several days: "2nd", "last", "2nd last". */
const which = (number) => (number === -1 ? "last" : number < 0 ? `${ordinal(-number)} last` : ordinal(number));

/** Return the days of BYDAY: "Monday and Friday", or in a month "the 2nd Tuesday and the last Friday". */
const namesOf = (days, article = "", last = "and") => listed(days.split(",").map((day) => {
  const name = NAMES[CODES.indexOf(day.slice(-2))];
  const number = Number(day.slice(0, -2));
  return number ? `the ${which(number)} ${name}` : article + name;
}), last);

/** Return the days that a rule names: "on Monday and Friday", "on the 13th if it is a Friday". */
function describeDays({ FREQ: frequency, BYDAY: days, BYMONTHDAY: monthDays }) {
  if (!monthDays) return days && `on ${namesOf(days, frequency === "MONTHLY" ? "every " : "")}`;
  const dates = listed(monthDays.split(",").map((day) => (day === "-1" ? "last day" : ordinal(Number(day)))));
  return `on the ${dates}${days ? ` if it is ${namesOf(days, "a ", "or")}` : ""}`;
}

/** Return when a rule ends: "5 times", "until 31 Dec 2027". The next time is one of COUNT. */
function describeEnd({ COUNT: count, UNTIL: until }, now) {
  if (count) return count === "1" ? "for the last time" : `${count} times`;
  if (!until) return null;
  const [, year, month, day, hour, minute] = /^(....)(..)(..)(?:T(..)(..)..Z)?$/.exec(until);
  return `until ${describeDue(`${year}-${month}-${day}${hour ? `T${hour}:${minute}Z` : ""}`, now)}`;
}

/**
 * Return a rule in words, "every 2 weeks on Monday, until 31 Dec 2027". Return anything else
 * as it is.
 * @param {string} rule
 */
export function describeRule(rule, now = new Date()) {
  if (!RULE.test(rule)) return rule;
  const parts = partsOf(rule);
  const { FREQ: frequency, INTERVAL: interval = "1", BYDAY: days } = parts;
  const unit = UNITS[frequency];
  const isWeekdays = frequency === "WEEKLY" && interval === "1" && days === MONDAY_TO_FRIDAY;
  const words = isWeekdays ? ["every weekday"]
    : [interval === "1" ? `every ${unit}` : `every ${interval} ${unit}s`, describeDays(parts)];
  return [words.filter(Boolean).join(" "), describeEnd(parts, now)].filter(Boolean).join(", ");
}

/** Return a rule as the API spells it, as far as this page knows: "daily" is FREQ=DAILY. */
export function normalizeRule(typed) {
  const rule = typed.trim().toUpperCase();
  return rule in UNITS ? `FREQ=${rule}` : rule;
}

/**
 * Return a rule for weeks or months that names the day on which it begins. So it stays the
 * same when one of its tasks is moved to another day.
 * @param {string} rule
 * @param {number} day  as in dates.js
 */
export function onDay(rule, day) {
  const { FREQ: frequency, BYDAY: days, BYMONTHDAY: monthDays } = partsOf(rule);
  if (days || monthDays) return rule;
  if (frequency === "WEEKLY") return `${rule};BYDAY=${CODES[weekday(day)]}`;
  return frequency === "MONTHLY" ? `${rule};BYMONTHDAY=${dayOfMonth(day)}` : rule;
}

const dayOfMonth = (day) => Number(isoDay(day).slice(-2));

/** Return the rule that a task had, of the next task's: completing it reduced COUNT by one. */
export const ruleBefore = (rule) => rule.replace(/COUNT=(\d+)/, (_, count) => `COUNT=${Number(count) + 1}`);

/** Return the first day of a weekly rule from a day on; of another rule, this day. */
export function firstDay(rule, from) {
  const days = partsOf(rule).BYDAY?.split(",") ?? CODES;
  return CODES.map((_, number) => from + number).find((day) => days.includes(CODES[weekday(day)]));
}

/**
 * Return the common rules for a task that is due on a day, or whose day isn't known yet:
 * [rule, words].
 * @param {number | null} day
 * @returns {[string, string][]}
 */
export function commonRules(day) {
  const rules = ["FREQ=DAILY", WEEKDAYS, "FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=2", "FREQ=MONTHLY",
    "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=YEARLY"].map((rule) => (day === null ? rule : onDay(rule, day)));
  const isRare = (rule) => /BYMONTHDAY=(29|30|31)$/.test(rule);
  return rules.map((rule) => [rule, `${capitalized(describeRule(rule))}${isRare(rule) ? " (not in shorter months)" : ""}`]);
}

const SHOWN_NEXT = 3; // of the tasks that one batch has completed

/**
 * Return what to tell about recurring tasks that were completed: "Next: Mon 14 Dec".
 * @param {{ title: string, next: { due_date: string } | null }[]} completed  next: null if
 *   the rule has ended
 * @returns {string}
 */
export function describeNext(completed, now = new Date()) {
  const when = ({ next }) => (next ? describeDue(next.due_date, now) : "never again");
  const [first] = completed;
  if (completed.length === 1)
    return first.next ? `Completed “${first.title}”. Next: ${when(first)}` : `Completed “${first.title}” for the last time`;
  const shown = completed.slice(0, SHOWN_NEXT).map((each) => `“${each.title}” ${when(each)}`);
  const others = completed.length - shown.length;
  return `Next: ${shown.join("; ")}${others ? `; and ${others} more` : ""}`;
}
