// Connect sync.js with this browser: its storage, its other tabs, its network, and the
// times at which to look for changes.

import { request, tasksPath, user, waitAfter } from "./api.js";
import { endOutage } from "./messages.js";
import { createStorage } from "./storage.js";
import { createSync, nextDelay, SHORTEST } from "./sync.js";

/** The largest list that is copied. A longer one is read from the API, page by page. */
export const LARGEST_COPY = 5000; // tasks; about 5 MB, and 25 requests at the first visit

const FOLLOW_FOR = 5 * 60_000; // milliseconds after the last key or click: an open page must not keep the database awake
const channel = new BroadcastChannel(`tasks of ${user}`);
const listeners = [];
const answerListeners = [];
let isNew = false;
let lastUse = Date.now();
let wake = () => {};
let isAwake = false;

export const sync = createSync({
  storage: createStorage(user),
  request: (method, path, body) => request(method, tasksPath + path, { body }),
  lock: (work) => navigator.locks.request(`tasks of ${user}`, work),
  tell: (change) => channel.postMessage(change),
  changed: () => {
    isNew = true;
    for (const listener of listeners) listener();
  },
  onAnswer: (entry) => {
    for (const listener of answerListeners) listener(entry);
  },
  unkept: () => {
    document.querySelector("#unkept").hidden = false;
  },
  limit: LARGEST_COPY,
});

/** Call a function after each change of what sync.view() and sync.entries() return. */
export const onChange = (listener) => listeners.push(listener);

/** Call a function with each entry of the queue when its answer has come. */
export const onAnswer = (listener) => answerListeners.push(listener);

/** Do some operations: show their result now, and send them as soon as possible. */
export function perform(operations) {
  const entries = sync.add(operations);
  syncNow();
  return entries;
}

/** Send and fetch now, and not only after the present delay. */
export function syncNow() {
  isAwake = true;
  wake();
}

/** Send what was done, and fetch what has changed, as long as the page is open. */
export async function follow() {
  for (let delay = SHORTEST, failures = 0; ; ) {
    isNew = isAwake = false;
    const answer = await sync.pass();
    if (answer) {
      await waitAfter(answer, failures++);
      continue;
    }
    failures = 0;
    endOutage();
    delay = nextDelay(delay, isNew);
    if (!isAwake) await sleep(delay);
  }
}

/** Return whether somebody looks at the page. */
export const isUsed = () => !document.hidden && Date.now() - lastUse < FOLLOW_FOR;

/** Wait for a time, or until syncNow(); while nobody looks at the page, only for that. */
function sleep(delay) {
  return new Promise((resolve) => {
    const timer = isUsed() && setTimeout(resolve, delay);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

channel.onmessage = ({ data }) => sync.receive(data);
for (const type of ["keydown", "pointerdown"])
  addEventListener(type, () => {
    const wasIdle = Date.now() - lastUse >= FOLLOW_FOR;
    lastUse = Date.now();
    if (wasIdle) syncNow();
  }, { capture: true, passive: true });
for (const type of ["focus", "online", "pageshow"]) addEventListener(type, syncNow);
document.addEventListener("visibilitychange", () => document.hidden || syncNow());
