// Keep a copy of a user's tasks and a queue of what the user did, and bring both and the
// API together. docs/sync.md explains how. No DOM, no fetch, no IndexedDB: these are
// parameters, so that another project can copy this file as it is.

/**
 * @typedef {number | string} Id  a string, the key of an entry, until the API has given an id
 * @typedef {{ id: Id, etag: string, pending?: string } & Record<string, any>} Task
 *   with the API's other fields
 *
 * @typedef {{ op: "create", task: object, idempotency_key: string }
 *   | { op: "update", id: Id, changes: object, if_match: string }
 *   | { op: "complete", id: Id, completed: boolean, if_match: string }
 *   | { op: "delete" | "restore", id: Id, if_match: string }} Operation
 *   as the API's batch has it; `if_match` is the key of an entry if the version that the
 *   user changes is the one that this entry makes
 *
 * @typedef {({ op: "create", task: object }
 *   | { op: "update", id: Id, changes: object, if_match: string }
 *   | { op: "complete", id: Id, completed: boolean, if_match: string }
 *   | { op: "delete" | "restore", id: Id, if_match: string })
 *   & { preview?: object, extra?: any, yields?: boolean }} Action
 *   for add(), which gives a create its key; the last three are an entry's
 *
 * @typedef {object} Entry  of the queue
 * @property {string} key  unique, and in the order of the entries
 * @property {Operation} operation
 * @property {object} preview  the fields to show until the API has answered
 * @property {boolean} sent  whether it was sent, perhaps without an answer
 * @property {any} [extra]  what the caller wants to find here later
 * @property {boolean} [yields]  if the task has changed, give it up without asking
 * @property {{ task: Task | null, next_task?: Task | null }} [answer]  it is done
 * @property {Task} [conflict]  the task as it is now: the user has to choose
 * @property {{ status: number, message: string, details?: object }} [refusal]  likewise
 *
 * @typedef {object} Change  of the copy and the queue; stored as a whole or not at all
 * @property {true} [reset]  remove all tasks first
 * @property {Task[]} [put]
 * @property {Id[]} [remove]
 * @property {string | null} [token]
 * @property {Entry[]} [queue]  entries to add or to replace
 * @property {string[]} [done]  keys of the entries to remove
 *
 * @typedef {object} Storage  of one user
 * @property {() => Promise<{ tasks: Task[], queue: Entry[], token: string | null }>} read
 * @property {() => Promise<{ queue: Entry[], token: string | null }>} readQueue
 * @property {(change: Change) => Promise<void>} write
 * @property {() => Promise<void>} forget  remove everything
 *
 * @typedef {{ status: number, body: any }} Answer  status 0: there was none
 */

const BATCH = 100; // operations; the API's limit
const REFUSED = [400, 413, 422, 500]; // of a batch: perhaps because of one operation
const NEW = {
  description: null, completed: false, priority: "medium", tags: [], due_date: null,
  time_zone: null, recurrence: null, completed_at: null,
};

/**
 * @param {object} parameters
 * @param {Storage | null} parameters.storage  null: keep nothing
 * @param {(method: string, path: string, body?: object) => Promise<Answer>} parameters.request
 *   send one request to …/tasks<path>; never reject
 * @param {(work: () => Promise<any>) => Promise<any>} [parameters.lock]
 *   do some work while no other tab does
 * @param {(change: Change) => void} [parameters.tell]  give a change to the other tabs
 * @param {() => void} [parameters.changed]  called after each change
 * @param {(entry: Entry) => void} [parameters.onAnswer]
 *   called once with each entry whose answer has come, before the change is made
 * @param {() => void} [parameters.unkept]  called if the storage fails
 * @param {() => number} [parameters.clock]  milliseconds
 * @param {number} [parameters.limit]  a list with more tasks than this isn't copied
 */
export function createSync({
  storage, request, lock = (work) => work(), tell = () => {}, changed = () => {},
  onAnswer = () => {}, unkept = () => {}, clock = Date.now, limit = Infinity,
}) {
  /** @type {Map<Id, Task>} */
  const tasks = new Map(); // as the API had them at `token`
  /** @type {Map<string, Entry>} */
  const queue = new Map();
  const made = new Map(); // by key: { id, etag }, what the answered entry made
  let token = null; // null: the copy isn't complete
  let copying = null; // { tasks, token }: a copy that isn't complete yet
  let copies = true;
  let unstored = 0; // changes that are being stored
  let meanwhile = null; // changes since the storage is being read
  let lastTime = 0;

  // The state, in memory and in the storage

  /** @param {Change} change */
  function apply(change) {
    const { reset, put = [], remove = [], queue: entries = [], done = [] } = change;
    meanwhile?.push(change);
    if (reset) tasks.clear();
    for (const task of put) tasks.set(task.id, task);
    for (const id of remove) tasks.delete(id);
    if ("token" in change) token = change.token;
    for (const entry of entries) {
      if (made.has(entry.key) && !entry.answer) continue; // old news from another tab
      queue.set(entry.key, entry);
      lastTime = Math.max(lastTime, parseInt(entry.key)); // in case the clock was set back
      noteMade(entry);
    }
    for (const key of done) queue.delete(key);
  }

  function noteMade(entry) {
    const { key, answer, operation } = entry;
    if (!answer) return;
    if (!made.has(key)) onAnswer(entry);
    made.set(key, { id: answer.task?.id ?? operation.id, etag: answer.task?.etag ?? operation.if_match });
  }

  /** Make a change: show it at once, store it, and tell the other tabs. */
  async function commit(change) {
    apply(change);
    changed();
    unstored++;
    await keep((kept) => kept.write(change));
    unstored--;
    tell(change);
  }

  /** Use the storage. If that fails, go on without it. */
  async function keep(use) {
    if (!storage) return null;
    try {
      return await use(storage);
    } catch {
      const failed = storage;
      storage = null;
      await failed?.forget().catch(() => {}); // an old queue must not be sent next week
      unkept();
      return null;
    }
  }

  /** Take over what is stored. */
  async function load() {
    await read((from) => from.read(), ({ tasks: put, queue: stored, token: newest }) => {
      queue.clear();
      apply({ reset: true, put: newest ? put : [], token: newest, queue: stored });
    });
    changed();
  }

  /** Take over the stored queue: another tab may have sent some of it. */
  async function reload() {
    let isOther = false;
    await read((from) => from.readQueue(), ({ queue: stored, token: newest }) => {
      isOther = newest !== token;
      queue.clear();
      apply({ queue: stored });
    });
    if (isOther) await load();
  }

  /** Read the storage and use what it has; then make the changes again that were made meanwhile. */
  async function read(from, use) {
    const missed = (meanwhile = []);
    const kept = await keep(from);
    meanwhile = null;
    if (!kept) return;
    use(kept);
    missed.forEach(apply);
  }

  const entries = () => [...queue.values()].sort((a, b) => (a.key < b.key ? -1 : 1));

  // What the user sees and does

  /** Return the tasks as the user sees them: the copy with the queue applied to it. */
  function view() {
    const shown = new Map(tasks);
    for (const entry of entries()) {
      const { key, operation: { op, id }, answer, preview } = entry;
      if (answer) {
        if (answer.task) shown.set(answer.task.id, answer.task);
        else shown.delete(id);
        if (answer.next_task) shown.set(answer.next_task.id, answer.next_task);
      } else if (entry.conflict || entry.refusal) {
        if (entry.conflict) shown.set(id, entry.conflict);
      } else if (op === "delete") {
        shown.delete(id);
      } else {
        const old = op === "create" ? { ...NEW, id: key } : op === "restore" ? { id } : shown.get(id);
        if (old) shown.set(old.id, { ...old, ...preview, etag: key, pending: key });
      }
    }
    return shown;
  }

  /**
   * Add operations to the queue; pass() sends them. Each is { op, task } of a new task, or
   * { op, id, if_match, … } with the `id` and the `etag` of a task that view() returned; and
   * may have `preview`, `extra` and `yields`, as an Entry.
   * Return the entries.
   * @param {Action[]} operations
   * @returns {Entry[]}
   */
  function add(operations) {
    const added = operations.map(({ preview, extra, yields, ...operation }) => {
      lastTime = Math.max(lastTime + 1, clock());
      const key = `${lastTime}-${crypto.randomUUID()}`;
      if (operation.op === "create") operation.idempotency_key ??= key;
      return {
        key, operation: resolve(operation), sent: false, extra, yields,
        preview: preview ?? operation.task ?? operation.changes ?? { completed: operation.completed },
      };
    });
    commit({ queue: added });
    return added;
  }

  /** Replace the keys of entries in an operation by what these entries have made. */
  function resolve(operation) {
    const { id, if_match: version } = operation;
    if (!made.has(id) && !made.has(version)) return operation;
    return { ...operation, id: made.get(id)?.id ?? id, if_match: made.get(version)?.etag ?? version };
  }

  /**
   * Send an entry again after a conflict (as it is, by default) or a refusal.
   * @param {Entry} entry
   * @param {{ operation?: object, preview?: object }} [changes]  fields to replace
   */
  function retry({ key, operation, preview, extra, conflict }, changes = {}) {
    if (!queue.has(key)) return; // another tab was faster
    const again = { ...operation, ...(conflict && { if_match: conflict.etag }), ...changes.operation };
    // What the API may have remembered with the key was another task.
    if (changes.operation?.task) again.idempotency_key = crypto.randomUUID();
    commit({ queue: [{ key, operation: again, preview: changes.preview ?? preview, extra, sent: false }] });
  }

  /**
   * Give an entry up, after a conflict or a refusal; keep what was done after it.
   * @param {Entry} entry
   */
  function discard({ key, operation, conflict }) {
    if (!queue.has(key)) return;
    const done = [key];
    const changedEntries = [];
    const version = conflict?.etag ?? operation.if_match;
    for (const entry of entries()) {
      if (entry.operation.id === key) done.push(entry.key); // its task will never be there
      else if (entry.operation.if_match === key)
        changedEntries.push({ ...entry, operation: { ...entry.operation, if_match: version } });
    }
    // Without a copy, nothing else brings the other version.
    commit({ done, queue: changedEntries, ...(conflict && !token && { put: [conflict] }) });
  }

  // The API

  /**
   * Send the queue, then fetch what has changed. Return null; or, if that wasn't possible,
   * the answer that says why: the queue is kept, and the caller tries again later.
   * @type {() => Promise<Answer | null>}
   */
  const pass = () => lock(async () => {
    await reload();
    return (await send()) ?? (await follow());
  });

  /** Return the entries that don't wait for a user or for another entry. */
  const ready = () => entries()
    .map((entry) => ({ ...entry, operation: resolve(entry.operation) }))
    .filter(({ answer, conflict, refusal, operation: { id, if_match: version } }) =>
      !answer && !conflict && !refusal && !queue.has(id) && !queue.has(version));

  async function send() {
    let size = BATCH;
    for (;;) {
      await cancelOut();
      const batch = ready().slice(0, size);
      if (!batch.length) return null;
      const sent = batch.map((entry) => ({ ...entry, sent: true }));
      if (batch.some((entry) => !entry.sent)) await commit({ queue: sent });
      const answer = await request("POST", "/batch", { operations: batch.map(({ operation }) => operation) });
      const { status, body } = answer;
      if (status !== 200 && !REFUSED.includes(status)) return answer; // all of it later
      const at = Number(/^operations\[(\d+)\]/.exec(body.details?.field ?? "")?.[1] ?? NaN);
      if (status === 200) {
        await settle(sent.map((entry, index) => withResult(entry, body.results[index])));
      } else if (status === 422 && batch[at]) {
        await settle([{ ...sent[at], refusal: withoutPrefix(answer) }]);
        size = BATCH;
      } else if (batch.length > 1) {
        size = Math.ceil(batch.length / 2); // find the one that can't be sent
      } else {
        await settle([{ ...sent[0], refusal: { status, ...body } }]);
        size = BATCH;
      }
    }
  }

  /** Drop each delete that was undone before it was sent, and what is done to no task. */
  async function cancelOut() {
    const done = new Set();
    const deletes = new Map();
    for (const { key, sent, operation } of entries()) {
      const { op, id } = resolve(operation);
      if (typeof id === "string" && !queue.has(id)) done.add(key); // its create was given up
      else if (op === "delete" && !sent) deletes.set(id, key);
      else if (op === "restore" && deletes.has(id)) {
        done.add(deletes.get(id)).add(key);
        deletes.delete(id);
      }
    }
    if (!done.size) return;
    const before = (version) => (done.has(version) ? before(queue.get(version).operation.if_match) : version);
    const after = entries().filter(({ key, operation }) => !done.has(key) && done.has(operation.if_match));
    await commit({
      done: [...done],
      queue: after.map((entry) => ({ ...entry, operation: { ...entry.operation, if_match: before(entry.operation.if_match) } })),
    });
  }

  /** Keep these outcomes, and tell the entries that wait for them what they have made. */
  async function settle(outcomes) {
    for (const outcome of outcomes) noteMade(outcome);
    const settled = new Map(outcomes.map((entry) => [entry.key, entry]));
    for (const entry of entries()) {
      const newest = settled.get(entry.key) ?? entry;
      const operation = resolve(newest.operation);
      if (operation !== newest.operation) settled.set(entry.key, { ...newest, operation });
    }
    const changes = [...settled.values()];
    if (token || copying) return commit({ queue: changes }); // the feed will bring the tasks
    const isDone = ({ answer }) => answer;
    return commit({ queue: changes.filter((entry) => !isDone(entry)), ...resultsOf(outcomes.filter(isDone)) });
  }

  /** Return the change that takes over the tasks of answered entries. Without a copy, nothing else brings them. */
  const resultsOf = (answered) => ({
    put: answered.flatMap(({ answer: { task, next_task: next } }) => [task, next]).filter(Boolean),
    remove: answered.filter(({ answer }) => !answer.task).map(({ operation }) => operation.id),
    done: answered.map(({ key }) => key),
  });

  /** Fetch the changes, and apply them to the copy. Nothing else changes a complete copy. */
  async function follow() {
    if (!copies && !token) return null;
    if (!token) copying ??= { tasks: new Map(), token: null };
    const answered = () => entries().filter(({ answer }) => answer).map(({ key }) => key);
    for (let more = true; more; ) {
      const since = copying ? copying.token : token;
      const answer = await request("GET", `/changes?${since ? `since=${encodeURIComponent(since)}&` : ""}limit=200`);
      if (since && [410, 422].includes(answer.status)) {
        copying = { tasks: new Map(), token: null }; // start again; until then show the old copy
        continue;
      }
      if (answer.status !== 200) return answer;
      if (!copies) return dropCopy();
      const { changes } = answer.body;
      more = answer.body.more;
      if (copying) {
        copying.token = answer.body.token;
        for (const { id, task } of changes) task ? copying.tasks.set(id, task) : copying.tasks.delete(id);
        if (copying.tasks.size > limit) return dropCopy();
        if (more) {
          changed();
          continue;
        }
        const put = [...copying.tasks.values()];
        copying = null;
        await commit({ reset: true, put, token: answer.body.token, done: answered() });
      } else {
        const put = changes.filter(({ task }) => task).map(({ task }) => task);
        const remove = changes.filter(({ task }) => !task).map(({ id }) => id);
        const done = more ? [] : answered();
        const isNew = changes.length || done.length;
        if (isNew) await commit({ put, remove, token: answer.body.token, done });
        else await keepToken(answer.body.token);
        if (tasks.size > limit) return dropCopy();
      }
    }
    return null;
  }

  /** Keep a new token although nothing has changed: an old one expires. */
  async function keepToken(newest) {
    if (newest === token) return;
    apply({ token: newest });
    await keep((kept) => kept.write({ token: newest }));
    tell({ token: newest });
  }

  /** Keep no copy from now on, because there are too many tasks; the queue still works. */
  async function dropCopy() {
    copies = false;
    copying = null;
    const answered = entries().filter(({ answer }) => answer);
    await commit({ ...(token && { reset: true }), token: null, ...resultsOf(answered) });
    return null;
  }

  return {
    load, view, add, retry, discard, pass, entries,
    /** Make no copy, because there are too many tasks. */
    giveUpCopy() { copies = false; },
    /**
     * Apply a change that another tab has told.
     * @param {Change} change
     */
    receive(change) {
      apply(change);
      if (Object.keys(change).join() !== "token") changed();
    },
    /**
     * Remember tasks that were read from a list, while there is no complete copy.
     * @param {Task[]} found
     */
    remember(found) {
      if (!token) apply({ put: found });
    },
    /**
     * Return the id that a task has by now.
     * @param {Id} id
     */
    idOf: (id) => made.get(id)?.id ?? id,
    get isComplete() { return token !== null; },
    /** Whether a copy will soon be complete: its first page may be all there is. */
    get isStarting() { return copies && !token && !copying?.token; },
    get isKept() { return storage !== null && !unstored; },
  };
}

/** Return an entry with the API's result of its operation. */
function withResult(entry, { status, task = null, next_task, ...error }) {
  const { operation, yields } = entry;
  if (status < 300) return { ...entry, answer: { task, next_task } };
  if (status === 404 && operation.op === "delete") return { ...entry, answer: { task: null } };
  const now = error.details?.task;
  if (status !== 412 || !now) return { ...entry, refusal: { status, ...error } };
  // Perhaps the same request has done it before, and its answer was lost.
  const isDone = yields || operation.op === "restore" || hasValues(now, operation);
  return isDone ? { ...entry, answer: { task: now } } : { ...entry, conflict: now };
}

/** Return whether a task has all the values that an operation sets. */
function hasValues(task, { op, changes, completed }) {
  if (op === "complete") return task.completed === completed;
  return op === "update" && Object.keys(changes).every((name) => comparable(changes[name]) === comparable(task[name]));
}

/** Return a value as the API gives it back: stripped, and an instant in UTC. */
function comparable(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  const instant = /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : NaN;
  return JSON.stringify(Number.isNaN(instant) ? value.trim() || null : instant);
}

/** Return a refusal whose fields are those of the operation: `operations[3].task.title`. */
function withoutPrefix({ status, body }) {
  const strip = (field) => field.replace(/^operations\[\d+\]\.?(task\.|changes\.)?/, "");
  return { status, ...body, details: { ...body.details, field: strip(body.details.field) } };
}

/** Return how long to wait before the next look at the changes: longer while there are none. */
export const nextDelay = (delay, isNew) => (isNew ? SHORTEST : Math.min(delay * 1.5, LONGEST));
export const SHORTEST = 3000; // milliseconds
const LONGEST = 15_000;
