// Rules in words, without a browser: `node recurrence.test.mjs`.
import assert from "node:assert/strict";
import { test } from "node:test";

process.env.TZ = "Europe/Berlin";
const { dayOf, dueDay, isoDay } = await import("../../local/page/dates.js");
const { commonRules, describeNext, describeRule, firstDay, normalizeRule, onDay, ruleBefore } = await import("../../local/page/recurrence.js");
const now = new Date("2026-03-09T12:00:00+01:00"); // a Monday

/** A test for each row of a table: what goes in, and what should come out. */
const table = (name, subject, rows) =>
  rows.forEach(([given, expected]) => test(`${name}: ${JSON.stringify(given)}`, () => assert.deepEqual(subject(given), expected)));

table("a rule in words", (rule) => describeRule(rule, now), [
  ["FREQ=DAILY", "every day"],
  ["FREQ=DAILY;INTERVAL=3", "every 3 days"],
  ["FREQ=WEEKLY", "every week"],
  ["FREQ=WEEKLY;BYDAY=MO", "every week on Monday"],
  ["FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "every 2 weeks on Monday"],
  ["FREQ=WEEKLY;BYDAY=MO,WE,SU", "every week on Monday, Wednesday and Sunday"],
  ["FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every weekday"],
  ["FREQ=WEEKLY;COUNT=3;BYDAY=MO,TU,WE,TH,FR", "every weekday, 3 times"],
  ["FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR", "every 2 weeks on Monday, Tuesday, Wednesday, Thursday and Friday"],
  ["FREQ=MONTHLY", "every month"],
  ["FREQ=MONTHLY;BYMONTHDAY=1,22,13,-1", "every month on the 1st, 22nd, 13th and last day"],
  ["FREQ=MONTHLY;BYMONTHDAY=-1", "every month on the last day"],
  ["FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=31", "every 3 months on the 31st"],
  ["FREQ=MONTHLY;BYDAY=2TU", "every month on the 2nd Tuesday"],
  ["FREQ=MONTHLY;BYDAY=1MO,-1FR", "every month on the 1st Monday and the last Friday"],
  ["FREQ=MONTHLY;BYDAY=-2SU", "every month on the 2nd last Sunday"],
  ["FREQ=MONTHLY;BYDAY=SA,SU", "every month on every Saturday and every Sunday"],
  ["FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "every month on the 13th if it is a Friday"],
  ["FREQ=MONTHLY;BYDAY=MO,TU;BYMONTHDAY=1,15", "every month on the 1st and 15th if it is a Monday or a Tuesday"],
  ["FREQ=MONTHLY;BYDAY=2TU,-1FR;BYMONTHDAY=13,-1", "every month on the 13th and last day if it is the 2nd Tuesday or the last Friday"],
  ["FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYMONTHDAY=1", "every month on the 1st if it is a Monday, a Tuesday, a Wednesday, a Thursday or a Friday"],
  ["FREQ=YEARLY;INTERVAL=4", "every 4 years"],
  ["FREQ=DAILY;COUNT=5", "every day, 5 times"],
  ["FREQ=DAILY;COUNT=1", "every day, for the last time"],
  ["FREQ=YEARLY;UNTIL=20301231", "every year, until 31 Dec 2030"],
  ["FREQ=DAILY;UNTIL=20260310T160000Z", "every day, until tomorrow, 17:00"],
  // No rules of this API: the user sees what they typed.
  ["FREQ=HOURLY", "FREQ=HOURLY"],
  ["FREQ=DAILY;BYHOUR=3", "FREQ=DAILY;BYHOUR=3"],
  ["every monday", "every monday"],
  ["", ""],
]);

table("the API's spelling", normalizeRule, [
  [" daily ", "FREQ=DAILY"],
  ["freq=weekly;byday=mo", "FREQ=WEEKLY;BYDAY=MO"],
  ["rubbish", "RUBBISH"],
  ["", ""],
]);

table("the common rules", (due) => commonRules(due && dueDay(due)).map(([, words]) => words), [
  ["2026-12-14", ["Every day", "Every weekday", "Every week on Monday", "Every 2 weeks on Monday",
    "Every month on the 14th", "Every month on the last day", "Every year"]],
  ["2026-12-31", ["Every day", "Every weekday", "Every week on Thursday", "Every 2 weeks on Thursday",
    "Every month on the 31st (not in shorter months)", "Every month on the last day", "Every year"]],
  [null, ["Every day", "Every weekday", "Every week", "Every 2 weeks", "Every month", "Every month on the last day", "Every year"]],
]);

table("a rule that begins on a Monday", (rule) => onDay(rule, dueDay("2026-12-14")), [
  ["FREQ=WEEKLY;INTERVAL=2", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"],
  ["FREQ=WEEKLY;BYDAY=TU", "FREQ=WEEKLY;BYDAY=TU"],
  ["FREQ=MONTHLY", "FREQ=MONTHLY;BYMONTHDAY=14"],
  ["FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=MONTHLY;BYMONTHDAY=-1"],
  ["FREQ=DAILY", "FREQ=DAILY"],
  ["FREQ=YEARLY", "FREQ=YEARLY"],
]);

table("the rule before a task was completed", ruleBefore, [
  ["FREQ=DAILY;COUNT=9", "FREQ=DAILY;COUNT=10"],
  ["FREQ=WEEKLY;BYDAY=MO", "FREQ=WEEKLY;BYDAY=MO"],
]);

table("the first day of a rule, from a Monday on", (rule) => isoDay(firstDay(rule, dayOf(now))), [
  ["FREQ=WEEKLY;BYDAY=MO", "2026-03-09"],
  ["FREQ=WEEKLY;BYDAY=SU", "2026-03-15"],
  ["FREQ=WEEKLY;BYDAY=TU,FR", "2026-03-10"],
  ["FREQ=DAILY", "2026-03-09"],
]);

const done = (title, due_date) => ({ title, next: due_date && { due_date } });

table("what is told of completed tasks", (completed) => describeNext(completed, now), [
  [[done("Water", "2026-12-14")], "Completed “Water”. Next: Mon 14 Dec"],
  [[done("Water", "2026-03-10T16:00:00Z")], "Completed “Water”. Next: tomorrow, 17:00"],
  [[done("Water", null)], "Completed “Water” for the last time"],
  [[done("Water", "2026-03-10"), done("Pay", null)], "Next: “Water” tomorrow; “Pay” never again"],
  [Array(5).fill(done("Water", "2026-03-10")), "Next: “Water” tomorrow; “Water” tomorrow; “Water” tomorrow; and 2 more"],
]);
