// What the page tells the user: errors, notices, a banner while the API doesn't answer, and
// the list of requests.

/** Return the first element that a selector finds. */
export const $ = (selector, inside = document) => inside.querySelector(selector);

/** Return a new element, made from a template of the page. */
export const fromTemplate = (id) => $(`#${id}`).content.cloneNode(true).firstElementChild;

/** Tell screen readers what happened. */
export const say = (text) => { $("#said").textContent = text; };

/** Show a field's error, or none if the message is empty; return whether there is one. */
export function showFault(input, message) {
  const words = $(`.error[data-for="${input.name}"]`, input.form);
  words.textContent = message;
  input.ariaInvalid = message ? "true" : "false";
  input.ariaDescribedByElements = message ? [words] : null;
  if (message) {
    offerFocus(input);
    words.scrollIntoView({ block: "nearest" });
  }
  return Boolean(message);
}

/** Return the API's message if a title is too short or too long in code points. */
export function checkTitle(title) {
  const { length } = [...title.trim()];
  return length >= 1 && length <= 200 ? "" : "Title is required and must be between 1 and 200 characters";
}

/** Move the focus to an element, unless the user is typing somewhere else. */
export function offerFocus(element) {
  const active = document.activeElement;
  const typing = active?.matches("textarea, input:not([type=checkbox], [type=radio])");
  if (!typing || active.form === element.form) element.focus();
}

// In an input method, Enter and Escape end the composition, so the page ignores them.
addEventListener("keydown", (event) => {
  if (!event.isComposing && event.keyCode !== 229) return;
  event.stopImmediatePropagation();
  if (event.key === "Enter") event.preventDefault();
}, { capture: true });

// Notices. Each may have an action.

const toasts = new Set(); // { act, close, timer }
const countDown = (notice) => {
  clearTimeout(notice.timer);
  notice.timer = setTimeout(notice.close, 7000);
};

export function toast(text, label, act) {
  const box = fromTemplate("toast");
  const [words, action, close] = box.children;
  const end = (then) => () => {
    clearTimeout(notice.timer);
    if (!toasts.delete(notice)) return;
    if (box.contains(document.activeElement)) $("#new input").focus();
    box.remove();
    then?.();
  };
  const notice = { act: label && end(act), close: end() };
  words.textContent = text;
  action.textContent = label;
  action.hidden = !label;
  action.onclick = notice.act;
  close.onclick = notice.close;
  toasts.add(notice);
  $("#toasts").append(box);
  box.scrollIntoView({ block: "nearest" });
  countDown(notice);
  say(label ? `${text}. ${label}: Control Z` : text);
}
$("#toasts").onmouseenter = $("#toasts").onfocusin = () => toasts.forEach(({ timer }) => clearTimeout(timer));
$("#toasts").onmouseleave = $("#toasts").onfocusout = () => toasts.forEach(countDown);
addEventListener("keydown", (event) => {
  const { key, ctrlKey, metaKey, target } = event;
  const undoesText = target.value && target.type !== "checkbox";
  const last = [...toasts].findLast(({ act }) => act);
  if (key !== "z" || !(ctrlKey || metaKey) || undoesText || !last) return;
  event.preventDefault(); // otherwise the browser undoes the last typing in any field
  last.act();
});

// The banner.

let outage = null;
let countWaiting = () => 0;

/** Tell the banner how to count what waits to be sent. */
export const setCounter = (counter) => { countWaiting = counter; };

/** Wait before trying again; all requests that wait share one pause. */
export function pause(reason, seconds) {
  outage ??= new Promise((resolve) => {
    const [words, count] = $("#banner p").children;
    const until = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000);
      const changes = countWaiting();
      const waiting = changes ? `${changes} change${changes === 1 ? " waits" : "s wait"} to be sent.` : "";
      count.textContent = `${left > 0 ? `Trying again in ${left} s.` : "Trying again …"} ${waiting}`.trim();
      if (left <= 0) now();
    };
    const timer = setInterval(tick, 200);
    const now = () => { clearInterval(timer); outage = null; resolve(); };
    $("#banner").hidden = false;
    if (words.textContent !== reason) words.textContent = reason;
    $("#banner button").onclick = now;
    addEventListener("online", now, { once: true });
    tick();
  });
  return outage;
}

export function endOutage() {
  if ($("#banner").hidden) return;
  if ($("#banner").contains(document.activeElement)) $("#new input").focus();
  $("#banner").hidden = true;
  $("#banner p span").textContent = "";
  say("The API answers again.");
}

/** List a request beside the tasks, with the headers and the operations that matter here. */
export function logRequest(method, path, sent, response, body) {
  const names = ["etag", "link", "location", "retry-after", "idempotent-replayed", "www-authenticate"];
  const got = names.map((name) => [name, response?.headers.get(name)]).filter(([, value]) => value);
  const operations = (body?.operations ?? []).slice(0, 5).map(({ op, id, if_match: version, idempotency_key: key }) =>
    [op, [id, version && `if_match ${version}`, key && `idempotency_key ${key}`].filter(Boolean).join(", ")]);
  if (body?.operations?.length > 5) operations.push(["and", `${body.operations.length - 5} more`]);
  const line = document.createElement("li");
  const status = line.appendChild(document.createElement("b"));
  status.textContent = response?.status ?? "no answer";
  status.className = response?.status < 400 ? "" : "failed";
  line.append(`${method} ${path.replace(/(since=.{8})[^&]*/, "$1…").slice(0, 160)}`);
  for (const [way, pairs] of [["→", [...Object.entries(sent), ...operations]], ["←", got]])
    for (const [name, value] of pairs)
      line.appendChild(document.createElement("span")).textContent = `${way} ${name}: ${value.slice(0, 60)}`;
  $("#log ol").prepend(line);
  if ($("#log ol").children.length > 50) $("#log ol").lastChild.remove();
}
