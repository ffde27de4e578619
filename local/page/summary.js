// Count tasks as the API's summary does, from the copy.

import { dayOf, dueDay, isOverdue } from "./dates.js";

/** Return what GET …/tasks/summary would: every count but `completed` is of pending tasks. */
export function summarize(tasks, now = new Date()) {
  const pending = tasks.filter(({ completed }) => !completed);
  const priorities = { low: 0, medium: 0, high: 0, urgent: 0 };
  const tags = new Map();
  for (const task of pending) {
    priorities[task.priority]++;
    for (const tag of task.tags) tags.set(tag, (tags.get(tag) ?? 0) + 1);
  }
  const dues = pending.map(({ due_date: due }) => due).filter(Boolean);
  return {
    pending: pending.length, completed: tasks.length - pending.length, priorities,
    overdue: dues.filter((due) => isOverdue(due, now)).length,
    due_today: dues.filter((due) => dueDay(due) === dayOf(now)).length,
    tags: [...tags].map(([tag, count]) => ({ tag, count }))
      .sort((a, b) => b.count - a.count || (a.tag < b.tag ? -1 : 1)),
  };
}
