// The page's functions without a browser, on a clock in Berlin: `node page_functions.test.mjs`.
import assert from "node:assert/strict";
import { test } from "node:test";

process.env.TZ = "Europe/Berlin";
const dates = await import("../../local/page/dates.js");
const { dueFields, parse, toggleWord } = await import("../../local/page/quick_add.js");
const { summarize } = await import("../../local/page/summary.js");
const now = new Date("2026-03-09T12:00:00+01:00"); // a Monday

/** A test for each row of a table: what goes in, and what should come out. */
const table = (name, subject, rows) =>
  rows.forEach(([given, expected]) => test(`${name}: ${JSON.stringify(given)}`, () => assert.deepEqual(subject(given), expected)));

table("a due date in words", (due) => dates.describeDue(due, now), [
  ["2026-03-09", "today"],
  ["2026-03-10", "tomorrow"],
  ["2026-03-08", "yesterday"],
  ["2026-03-14", "Saturday"],
  ["2026-03-16", "Mon 16 Mar"],
  ["2027-03-16", "16 Mar 2027"],
  ["1970-01-01", "1 Jan 1970"],
  ["9999-12-31", "31 Dec 9999"],
  ["2026-03-09T16:00:00.000000Z", "today, 17:00"],
  ["2026-03-09T23:30:00.000000Z", "tomorrow, 0:30"],
  ["2026-03-30T07:00:00Z", "Mon 30 Mar, 9:00"], // after the clock change
]);

table("lateness", (due) => dates.describeLateness(due, now), [
  ["2026-03-09", null],
  ["2026-03-08", "1 day late"],
  ["2026-03-06", "3 days late"],
  ["2026-03-09T11:00:00.000001Z", null],
  ["2026-03-09T10:59:00Z", "late since 11:59"],
  ["2026-03-08T22:59:00Z", "1 day late"],
  ["2026-03-08T23:01:00Z", "late since 0:01"],
]);

table("the fields of a due date", dates.toFields, [
  [null, { date: "", time: "" }],
  ["2026-03-29", { date: "2026-03-29", time: "" }],
  ["2026-03-28T23:30:00Z", { date: "2026-03-29", time: "00:30" }],
  ["2026-03-29T22:30:00Z", { date: "2026-03-30", time: "00:30" }],
]);

table("what is sent for the fields", dates.toBody, [
  [{ date: "", time: "" }, { due_date: null }],
  [{ date: "2026-03-09", time: "" }, { due_date: "2026-03-09" }],
  [{ date: "2026-03-09", time: "17:00" }, { due_date: "2026-03-09T17:00:00", time_zone: "Europe/Berlin" }],
]);

test("the counts of a copy", () => {
  const task = (due_date, tags = [], completed = false, priority = "medium") => ({ due_date, tags, completed, priority });
  const tasks = [
    task("2026-03-08", ["home", "work"]), task("2026-03-09", ["work"], false, "high"), task("2026-03-09T10:59:00Z", ["art"]),
    task("2026-03-09T22:59:00Z"), task("2026-03-09T23:00:00Z"), task(null, ["home"]), task("2026-03-08", ["done"], true),
  ];

  assert.deepEqual(summarize(tasks, now), {
    pending: 6, completed: 1, overdue: 2, due_today: 3,
    priorities: { low: 0, medium: 5, high: 1, urgent: 0 },
    tags: [{ tag: "home", count: 2 }, { tag: "work", count: 2 }, { tag: "art", count: 1 }],
  });
});

test("a date is the same day in every zone", () => {
  for (const zone of ["Pacific/Kiritimati", "Pacific/Niue", "Europe/Berlin"]) {
    process.env.TZ = zone;
    assert.equal(dates.isoDay(dates.dueDay("2026-03-09")), "2026-03-09");
    assert.equal(dates.describeFully("2026-03-09"), "Monday, 9 March 2026");
  }
});

const short = (typed, kept = []) => {
  const { title, words } = parse(typed, now, ({ kind }) => kept.includes(kind));
  const { date, time } = dueFields(words, now);
  const others = words.filter(({ kind }) => ["tags", "priority", "rule"].includes(kind));
  return [title, `${date} ${time}`.trim(), ...others.map(({ value }) => value)];
};

table("a new task", (typed) => short(typed), [
  ["Pay rent", ["Pay rent", ""]],
  ["Pay rent today", ["Pay rent", "2026-03-09"]],
  ["Pay rent tomorrow 5pm #home !high", ["Pay rent", "2026-03-10 17:00", "home", "high"]],
  ["Pay rent #home !HIGH at 17:30 by Friday", ["Pay rent", "2026-03-13 17:30", "home", "high"]],
  ["Pay rent monday", ["Pay rent", "2026-03-16"]], // not today
  ["Pay rent next week", ["Pay rent", "2026-03-16"]],
  ["Pay rent next tuesday", ["Pay rent", "2026-03-17"]],
  ["Pay rent in 2 weeks", ["Pay rent", "2026-03-23"]],
  ["Pay rent 2026-12-31", ["Pay rent", "2026-12-31"]],
  ["Pay rent on 1 April", ["Pay rent", "2026-04-01"]],
  ["Pay rent March 8", ["Pay rent", "2027-03-08"]],
  ["Pay rent 29 feb", ["Pay rent 29 feb", ""]], // neither year has one
  ["Pay rent 2026-02-30", ["Pay rent 2026-02-30", ""]],
  ["Pay rent 12am", ["Pay rent", "2026-03-10 00:00"]], // the next one
  ["Pay rent 12:30 pm", ["Pay rent", "2026-03-09 12:30"]],
  ["Pay rent this fri", ["Pay rent", "2026-03-13"]],
  ["Pay rent, due on 15th March, 2027", ["Pay rent", "2027-03-15"]],
  ["Pay rent the day after tomorrow", ["Pay rent", "2026-03-11"]],
  ["Book a table for tmrw @ 7.30 p.m.", ["Book a table", "2026-03-10 19:30"]],
  ["Call #home, #garden", ["Call", "", "home", "garden"]],
  ["Call #home #garden", ["Call", "", "home", "garden"]],
  ['Call #"deep work"', ["Call", "", "deep work"]],
  // Only the end has a meaning, and never the whole text.
  ["Tomorrow", ["Tomorrow", ""]],
  ["Tomorrow 5pm #home", ["Tomorrow 5pm", "", "home"]],
  ["Friday meeting 5pm", ["Friday meeting", "2026-03-09 17:00"]],
  ["#home", ["#home", ""]],
  ["today tomorrow", ["today", "2026-03-10"]],
  ["Tomorrow never dies", ["Tomorrow never dies", ""]],
  ["Sat in the sun", ["Sat in the sun", ""]],
  // Not every day and time is a due date.
  ["Review last friday", ["Review last friday", ""]],
  ["Gym every 6pm", ["Gym every 6pm", ""]],
  ["Meet Friday or Saturday !low", ["Meet Friday or Saturday", "", "low"]],
  ["Meet Ana today from 9:00 to 10:30", ["Meet Ana today from 9:00 to 10:30", ""]],
  ["Buy tickets for monday market #1 !", ["Buy tickets for monday market #1 !", ""]],
  ["Fix bug #12", ["Fix bug #12", ""]],
  ["Task 5", ["Task 5", ""]],
  ["Cut 16:9", ["Cut 16:9", ""]],
  ["Shout !!", ["Shout !!", ""]],
  ["חלב מחר", ["חלב מחר", ""]],
]);

table("a new task with a rule", (typed) => short(typed), [
  ["Gym every monday 6pm #sport", ["Gym", "2026-03-09 18:00", "FREQ=WEEKLY;BYDAY=MO", "sport"]], // today
  ["Gym every monday 9am", ["Gym", "2026-03-16 09:00", "FREQ=WEEKLY;BYDAY=MO"]], // today's is over
  ["Gym each Tue", ["Gym", "2026-03-10", "FREQ=WEEKLY;BYDAY=TU"]],
  ["Gym every monday and thursday", ["Gym", "2026-03-09", "FREQ=WEEKLY;BYDAY=MO,TH"]],
  ["Gym every tue, thu, and sat 6pm", ["Gym", "2026-03-10 18:00", "FREQ=WEEKLY;BYDAY=TU,TH,SA"]],
  ["Gym every other sunday", ["Gym", "2026-03-15", "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU"]],
  ["Water daily", ["Water", "2026-03-09", "FREQ=DAILY"]],
  ["Water, every day", ["Water", "2026-03-09", "FREQ=DAILY"]],
  ["Water every 3 days", ["Water", "2026-03-09", "FREQ=DAILY;INTERVAL=3"]],
  ["Stand up every weekday 9:30", ["Stand up", "2026-03-10 09:30", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"]],
  ["Pay rent monthly on 1 April", ["Pay rent", "2026-04-01", "FREQ=MONTHLY"]],
  ["Pay rent tomorrow every 2 weeks", ["Pay rent", "2026-03-10", "FREQ=WEEKLY;INTERVAL=2"]],
  ["Pay rent every other month", ["Pay rent", "2026-03-09", "FREQ=MONTHLY;INTERVAL=2"]],
  ["Renew yearly", ["Renew", "2026-03-09", "FREQ=YEARLY"]],
  ["Every day", ["Every day", ""]],
  ["Write the weekly today", ["Write the weekly", "2026-03-09"]],
  ["Call every 0 days", ["Call every 0 days", ""]],
  ["Call every 1000 days", ["Call every 1000 days", ""]],
]);

test("words that shall stay in the title", () => {
  assert.deepEqual(short("Read Today #book", ["day", "time"]), ["Read Today", "", "book"]);
  assert.deepEqual(short("Read today 5pm tomorrow", ["day", "time"]), ["Read today 5pm tomorrow", ""]);
  assert.deepEqual(short("Gym every monday", ["rule"]), ["Gym every monday", ""]);
  assert.deepEqual(short("Read today #book", ["tags"]), ["Read #book", "2026-03-09"]);
});

test("a word is put at the end, replaced, and taken away", () => {
  const put = (typed, kind, text) => toggleWord(typed, kind, text, now);

  assert.equal(put("Pay rent", "day", "today"), "Pay rent today");
  assert.equal(put("Pay rent today #home", "day", "tomorrow"), "Pay rent #home tomorrow");
  assert.equal(put("Pay rent tomorrow", "day", "tomorrow"), "Pay rent");
  assert.equal(put("Pay rent #home", "tags", "#work"), "Pay rent #home #work");
  assert.equal(put("Pay rent #home #work", "tags", "#home"), "Pay rent #work");
  assert.equal(put("Send a card to", "day", "tomorrow"), "Send a card to, tomorrow");
  assert.equal(put("Send a card to, tomorrow", "day", "tomorrow"), "Send a card to");
});
