// The trash: what was deleted in the last 30 days, to be restored or removed for good.

import { nextPath, request, trashPath } from "./api.js";
import { dayOf, describeDay } from "./dates.js";
import { perform, sync } from "./follow.js";
import { $, fromTemplate, say } from "./messages.js";

const dialog = $("#trash");
const [empty, close] = dialog.querySelectorAll(".row button");
const rows = $("ul", dialog);
const note = $("[role=status]", dialog);
const more = $("[name=more]", dialog);

/**
 * Send what the user has deleted and restored, then a request. Return its answer, or nothing
 * if that failed: the note says why.
 */
async function send(method, path) {
  const answer = (await sync.pass()) ?? (await request(method, path));
  if (answer.status >= 200 && answer.status < 300) return answer;
  note.textContent = answer.body.message ?? "No answer. Close the trash and try again.";
}

async function showPage(path) {
  const answer = await send("GET", path);
  if (!answer) return;
  if (path === trashPath) rows.replaceChildren();
  const next = nextPath(answer.headers);
  rows.append(...answer.body.map(toRow));
  more.hidden = !next;
  more.onclick = () => showPage(next);
  showEnd();
}

function showEnd() {
  const isEmpty = !rows.children.length && more.hidden;
  note.textContent = isEmpty ? "The trash is empty." : "";
  empty.hidden = isEmpty;
}

function toRow(task) {
  const row = fromTemplate("deleted");
  const button = $("button", row);
  $(".title", row).textContent = task.title;
  const deleted = `deleted ${describeDay(dayOf(new Date(task.deleted_at)))}`;
  $(".quiet", row).textContent = task.completed ? `completed, ${deleted}` : deleted;
  button.ariaLabel = `Restore ${task.title}`;
  button.onclick = () => {
    const near = row.nextElementSibling ?? row.previousElementSibling;
    ((near && $("button", near)) ?? close).focus();
    row.remove();
    showEnd();
    perform([{ op: "restore", id: task.id, if_match: task.etag, preview: task, extra: task }]);
    say(`Restored “${task.title}”`);
  };
  return row;
}

$("#open-trash").onclick = () => {
  rows.replaceChildren();
  empty.hidden = more.hidden = true;
  note.textContent = "Loading …";
  dialog.showModal();
  showPage(trashPath);
};
close.onclick = () => dialog.close();
empty.onclick = async () => {
  if (!confirm("Remove all tasks in the trash for good?") || !(await send("DELETE", trashPath))) return;
  rows.replaceChildren();
  more.hidden = true;
  close.focus();
  showEnd();
};
