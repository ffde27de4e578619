// The page's copy and queue, without a browser, on an API that loses answers:
// `node sync.test.mjs`; SEEDS=1000 runs the model with more seeds, SEED=7 with one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSync } from "../../local/page/sync.js";
import { createMemory } from "../../local/page/storage.js";

const NEW = { description: null, completed: false, priority: "medium", tags: [], due_date: null };
const clone = (value) => structuredClone(value);

/** The API in memory: the tasks of one user, the trash, the keys, and the changes. */
function createApi() {
  const tasks = new Map();
  const trash = new Map();
  const keys = new Map();
  const numbers = new Map(); // by id: the number of its last change
  let counter = 0;
  let lastId = 0;
  let restarts = 0; // after which older tokens are a 410

  const etagOf = ({ id, version }) => `"${id}-${version}"`;
  const show = (task) => ({ ...clone(task), etag: etagOf(task) });
  const save = (task) => {
    tasks.set(task.id, task);
    numbers.set(task.id, ++counter);
    return { status: 200, task: show(task) };
  };
  const failure = (status, error, details) => ({ status, error, message: `This is a ${status}`, ...(details && { details }) });

  function run({ op, id, task: body, changes, completed, if_match: version, idempotency_key: key }) {
    if (op === "create") {
      if (keys.has(key)) return { status: 201, task: keys.get(key) }; // as it was then
      const { task } = save({ ...NEW, ...body, title: body.title.trim(), id: ++lastId, version: 1 });
      keys.set(key, task);
      return { status: 201, task };
    }
    assert.ok(Number.isInteger(id), `${op} of ${id}`);
    const task = tasks.get(id);
    const deleted = trash.get(id);
    if (op === "restore" && deleted) {
      if (version && version !== etagOf(deleted)) return failure(412, "precondition_failed", { task: show(deleted) });
      trash.delete(id);
      return save({ ...deleted, version: deleted.version + 1 });
    }
    if (!task) return failure(404, "not_found");
    if (version && version !== etagOf(task)) return failure(412, "precondition_failed", { task: show(task) });
    if (op === "restore") return { status: 200, task: show(task) };
    if (op === "delete") {
      tasks.delete(id);
      trash.set(id, task);
      numbers.set(id, ++counter);
      return { status: 204 };
    }
    const next = { ...task, ...(op === "update" ? changes : { completed }), version: task.version + 1 };
    if (op !== "complete" || !completed || !task.recurrence) return save(next);
    const { task: following } = save({ ...task, id: ++lastId, version: 1 });
    return { ...save({ ...next, recurrence: null }), next_task: following };
  }

  const api = {
    asked: [],
    list: () => [...tasks.values()].map(show).sort((a, b) => a.id - b.id),
    run,
    restart: () => { restarts++; },
    createEarlier: (count) => { for (let n = 1; n <= count; n++) save({ ...NEW, title: `Task ${n}`, id: ++lastId, version: 1 }); },
    /** Answer a request, as a perfect network would bring it. */
    answer(method, path, body) {
      api.asked.push([method, path.split("?")[0], clone(body)]);
      if (path === "/batch") {
        const bad = body.operations.findIndex(({ task, changes }) => (task ?? changes)?.title === "");
        if (body.operations.length > 100) return { status: 422, body: {} };
        if (bad >= 0) {
          const part = body.operations[bad].task ? "task" : "changes";
          return { status: 422, body: failure(422, "validation_error", { field: `operations[${bad}].${part}.title` }) };
        }
        if (JSON.stringify(body).length > 20_000) return { status: 413, body: failure(413, "payload_too_large") };
        return { status: 200, body: { results: body.operations.map(run) } };
      }
      const query = new URLSearchParams(path.split("?")[1]);
      const [era, after] = (query.get("since") ?? `${restarts}-0`).split("-").map(Number);
      if (era !== restarts) return { status: 410, body: failure(410, "token_expired") };
      const limit = Number(query.get("limit")) / 50; // small pages
      const found = [...numbers].filter(([id, number]) => number > after && (query.has("since") || tasks.has(id))).sort((a, b) => a[1] - b[1]);
      const page = found.slice(0, limit);
      const changes = page.map(([id]) => (tasks.has(id) ? { id, task: show(tasks.get(id)) } : { id, task: null, deleted_at: "now" }));
      const more = found.length > limit;
      return { status: 200, body: clone({ changes, token: `${restarts}-${more ? page.at(-1)[1] : counter}`, more }) };
    },
  };
  return api;
}

/** A client whose network is `net`: a function that gets the request and the API's answer to it. */
function createClient(api, { net = (_, answer) => answer(), storage = createMemory(), ...more } = {}) {
  const sync = createSync({
    storage,
    request: async (...request) => net(request, () => clone(api.answer(...request))),
    ...more,
  });
  const shown = () => [...sync.view().values()];
  return {
    ...sync, sync, storage, shown,
    titles: () => shown().map(({ title }) => title),
    find: (title) => shown().find((task) => task.title === title),
    create: (title) => sync.add([{ op: "create", task: { title } }])[0],
    update: (task, changes) => sync.add([{ op: "update", id: task.id, if_match: task.etag, changes }])[0],
    complete: (task, completed) => sync.add([{ op: "complete", id: task.id, if_match: task.etag, completed }])[0],
    remove: (task) => sync.add([{ op: "delete", id: task.id, if_match: task.etag }])[0],
    restore: ({ operation: { id, if_match } }, task) => sync.add([{ op: "restore", id, if_match, preview: task }])[0],
  };
}

const lost = { status: 0, body: {} };
const sentBatches = (api) => api.asked.filter(([, path]) => path === "/batch").map(([, , { operations }]) => operations);

/** Return an API with these tasks, and a client that has copied them. */
async function having(titles, options) {
  const api = createApi();
  for (const title of titles) api.run({ op: "create", task: { title }, idempotency_key: crypto.randomUUID() });
  const client = createClient(api, options);
  assert.equal(await client.pass(), null);
  return [api, client];
}

test("the first copy is read page by page, and then only what has changed", async () => {
  const [api, client] = await having(["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
  assert.deepEqual(client.titles(), ["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
  assert.equal(api.asked.length, 3);

  api.run({ op: "delete", id: 3 });
  api.run({ op: "update", id: 4, changes: { title: "D" } });
  await client.pass();

  assert.deepEqual(client.titles(), ["a", "b", "D", "e", "f", "g", "h", "i"]);
  assert.equal(api.asked.length, 4);
});

test("what was done offline is shown at once and sent as one batch", async () => {
  let online = true;
  const [api, client] = await having(["a", "b", "c"], { net: (_, answer) => (online ? answer() : lost) });
  online = false;

  client.create("new");
  client.update(client.find("a"), { title: "A" });
  client.complete(client.find("b"), true);
  client.remove(client.find("c"));
  assert.deepEqual(await client.pass(), lost);
  assert.deepEqual(client.titles(), ["A", "b", "new"]);
  assert.equal(client.find("b").completed, true);
  online = true;
  await client.pass();

  assert.equal(sentBatches(api).length, 1);
  assert.deepEqual(sentBatches(api)[0].map(({ op, if_match }) => [op, if_match]),
    [["create", undefined], ["update", '"1-1"'], ["complete", '"2-1"'], ["delete", '"3-1"']]);
  assert.deepEqual(api.list().map(({ title }) => title), ["A", "b", "new"]);
  assert.deepEqual(client.entries(), []);
});

test("a task that was created offline is edited before it has an id", async () => {
  const [api, client] = await having([]);

  client.create("a");
  client.update(client.find("a"), { title: "b" });
  client.complete(client.find("b"), true);
  await client.pass();

  assert.deepEqual(api.list().map(({ id, title, completed, version }) => [id, title, completed, version]), [[1, "b", true, 3]]);
  assert.deepEqual(sentBatches(api).map((operations) => operations.map(({ op, id, if_match }) => [op, id, if_match])),
    [[["create", undefined, undefined]], [["update", 1, '"1-1"']], [["complete", 1, '"1-2"']]]);
});

test("an editor that was opened before the answer sends the right version", async () => {
  const [api, client] = await having(["a"]);
  client.complete(client.find("a"), true);
  const opened = client.find("a"); // its version isn't known yet
  await client.pass();

  client.update(opened, { title: "b" });
  await client.pass();

  assert.deepEqual(client.entries(), []);
  assert.equal(api.list()[0].title, "b");
});

test("an edit of another version asks the user", async () => {
  for (const keeps of [true, false]) {
    const [api, client] = await having(["a", "other"]);
    client.update(client.find("a"), { title: "mine" });
    client.complete(client.find("mine"), true); // after the edit
    client.update(client.find("other"), { title: "OTHER" });
    api.run({ op: "update", id: 1, changes: { title: "theirs" } });

    await client.pass();
    const [entry, after] = client.entries();
    assert.equal(entry.conflict.title, "theirs");
    assert.equal(after.sent, false);
    assert.equal(client.find("OTHER").pending, undefined);
    if (keeps) client.retry(entry);
    else client.discard(entry);
    await client.pass();

    assert.deepEqual(client.entries(), []);
    assert.deepEqual(api.list().map(({ title, completed }) => [title, completed]),
      [[keeps ? "mine" : "theirs", true], ["OTHER", false]]);
  }
});

test("a batch whose answer is lost is sent again, and nothing is done twice", async () => {
  let losses = 0;
  const net = (request, answer) => {
    const got = answer();
    return request[1] === "/batch" && losses-- > 0 ? { status: 503, body: { message: "unknown" } } : got;
  };
  const [api, client] = await having(["a", "b", "c", "d"], { net });
  const removed = client.find("d");
  client.restore(client.remove(removed), removed); // cancel each other out
  client.create("new");
  client.update(client.find("a"), { title: "A", due_date: "2026-03-09T17:00:00+01:00" });
  client.complete(client.find("b"), true);
  client.remove(client.find("c"));
  losses = 2;

  assert.equal((await client.pass()).status, 503);
  assert.equal((await client.pass()).status, 503);
  assert.deepEqual(client.titles(), ["A", "b", "d", "new"]);
  assert.equal(await client.pass(), null);

  assert.deepEqual(client.entries(), []);
  assert.deepEqual(api.list().map(({ title, version }) => [title, version]), [["A", 2], ["b", 2], ["d", 1], ["new", 1]]);
  const [first, , third] = sentBatches(api);
  assert.deepEqual(third, first);
});

test("a delete that was sent is undone by restoring", async () => {
  const [api, client] = await having(["a"]);
  const task = client.find("a");
  const entry = client.remove(task);
  await client.pass();
  assert.deepEqual(api.list(), []);

  client.restore(entry, task);
  assert.deepEqual(client.titles(), ["a"]);
  client.update(client.find("a"), { title: "b" });
  await client.pass();

  assert.deepEqual(client.entries(), []);
  assert.deepEqual(api.list().map(({ id, title }) => [id, title]), [[1, "b"]]);
});

test("a delete that was undone offline is never sent, what follows is", async () => {
  const [api, client] = await having(["a"]);
  for (let time = 0; time < 2; time++) {
    const task = client.find("a");
    client.restore(client.remove(task), task);
  }
  client.update(client.find("a"), { title: "b" });
  await client.pass();

  assert.deepEqual(sentBatches(api).map(([{ op, if_match }]) => [op, if_match]), [["update", '"1-1"']]);
  assert.equal(api.list()[0].title, "b");
});

test("a delete is undone although nobody knows whether it was done", async () => {
  let isLost = false;
  const net = ([, path], answer) => {
    const got = answer();
    return isLost && path === "/batch" ? lost : got;
  };
  const [api, client] = await having(["a"], { net });
  const task = client.find("a");
  const entry = client.remove(task);
  isLost = true;
  await client.pass();
  isLost = false;

  client.restore(entry, task);
  await client.pass();

  assert.deepEqual([client.titles(), client.entries()], [["a"], []]);
  assert.deepEqual(api.list().map(({ id }) => id), [1]);
});

test("300 tasks are cleared in three batches, and brought back", async () => {
  const api = createApi();
  api.createEarlier(300);
  const client = createClient(api);
  await client.pass();
  api.run({ op: "update", id: 7, changes: { completed: false } }); // reopened elsewhere

  const tasks = client.shown();
  const entries = client.add(tasks.map(({ id, etag }) => ({ op: "delete", id, if_match: etag, yields: true })));
  assert.deepEqual(client.shown(), []);
  await client.pass();
  assert.deepEqual(client.shown().map(({ id }) => id), [7]);
  assert.deepEqual(sentBatches(api).map(({ length }) => length), [100, 100, 100]);

  client.add(entries.map(({ operation: { id, if_match } }, index) => ({ op: "restore", id, if_match, preview: tasks[index] })));
  assert.equal(client.shown().length, 300);
  await client.pass();

  assert.deepEqual(client.entries(), []);
  assert.equal(api.list().length, 300);
});

test("a token that is too old starts a new copy and keeps the queue", async () => {
  let online = true;
  const [api, client] = await having(["a", "b", "c", "d", "e", "f"], { net: (_, answer) => (online ? answer() : lost) });
  online = false;
  client.create("new");
  client.remove(client.find("b"));
  await client.pass();
  api.run({ op: "delete", id: 1 });
  api.restart();
  online = true;

  assert.equal(await client.pass(), null);

  assert.deepEqual(client.titles(), ["c", "d", "e", "f", "new"]);
  assert.deepEqual(client.entries(), []);
});

test("a damaged token starts a new copy too", async () => {
  let damaged = false;
  const net = ([, path], answer) => (damaged && path.includes("since") ? { status: 422, body: {} } : answer());
  const [, client] = await having(["a"], { net });
  damaged = true;

  assert.equal(await client.pass(), null);

  assert.deepEqual(client.titles(), ["a"]);
});

test("a malformed operation is refused, the others are done", async () => {
  const [api, client] = await having(["a", "b"]);
  client.create("");
  client.update(client.find("a"), { title: "" });
  client.update(client.find("b"), { title: "B" });

  await client.pass();

  const [create, update] = client.entries();
  assert.deepEqual([create, update].map(({ refusal: { status, details } }) => [status, details.field]), [[422, "title"], [422, "title"]]);
  assert.deepEqual(client.titles(), ["a", "B"]);
  client.retry(create, { operation: { task: { title: "new" } }, preview: { title: "new" } });
  client.discard(update);
  await client.pass();
  assert.deepEqual(client.entries(), []);
  assert.deepEqual(api.list().map(({ title }) => title), ["a", "B", "new"]);
});

test("what is done to a task that could not be created goes with it", async () => {
  const [api, client] = await having([]);
  const entry = client.create("");
  client.complete([...client.view().values()][0], true);
  await client.pass();

  client.discard(client.entries()[0]);
  await client.pass();

  assert.equal(entry.key, entry.operation.idempotency_key);
  assert.deepEqual(client.entries(), []);
  assert.deepEqual(api.list(), []);
});

test("a batch that is too large is sent in parts", async () => {
  const [api, client] = await having([]);
  for (let number = 0; number < 10; number++) client.create(String(number).repeat(5000));

  assert.equal(await client.pass(), null);

  assert.equal(api.list().length, 10);
});

for (const status of [400, 413, 500])
  test(`one operation that is a ${status} doesn't hold the others up`, async () => {
    const net = ([, , body], answer) => (body?.operations.some(({ task }) => task?.title === "bug") ? { status, body: { message: "a bug" } } : answer());
    const [api, client] = await having([], { net });
    for (const title of ["a", "b", "bug", "c"]) client.create(title);

    assert.equal(await client.pass(), null);

    assert.deepEqual(client.entries().map(({ refusal }) => refusal.message), ["a bug"]);
    assert.deepEqual(api.list().map(({ title }) => title).sort(), ["a", "b", "c"]);
  });

test("an edit of a task that was deleted elsewhere is refused, a delete of it is done", async () => {
  const [api, client] = await having(["a", "b"]);
  client.update(client.find("a"), { title: "A" });
  client.remove(client.find("b"));
  api.run({ op: "delete", id: 1 });
  api.run({ op: "delete", id: 2 });

  await client.pass();

  assert.deepEqual(client.entries().map(({ refusal }) => refusal.status), [404]);
  assert.deepEqual(client.titles(), []);
});

for (const status of [0, 401, 404, 409, 429, 503, 504])
  test(`the queue stays after ${status || "no answer"}`, async () => {
    let ok = true;
    const [api, client] = await having(["a"], { net: (_, answer) => (ok ? answer() : { status, body: {} }) });
    ok = false;
    client.update(client.find("a"), { title: "b" });

    assert.equal((await client.pass()).status, status);
    assert.equal(client.entries().length, 1);
    ok = true;
    await client.pass();

    assert.equal(api.list()[0].title, "b");
  });

test("copy and queue survive a reload", async () => {
  let online = true;
  const net = (_, answer) => (online ? answer() : lost);
  const [api, client] = await having(["a", "b"], { net });
  online = false;
  client.create("new");
  client.update(client.find("a"), { title: "A" });
  await client.pass();

  const again = createClient(api, { net, storage: client.storage });
  await again.load();
  assert.deepEqual(again.titles(), ["A", "b", "new"]);
  online = true;
  await again.pass();

  assert.deepEqual(api.list().map(({ title }) => title), ["A", "b", "new"]);
});

/** Return a storage that answers later with what it has now, as IndexedDB does. */
const createSlowMemory = () => {
  const memory = createMemory();
  const later = async (value) => {
    await new Promise(setImmediate);
    return value;
  };
  return { ...memory, read: async () => later(await memory.read()), readQueue: async () => later(await memory.readQueue()) };
};

test("what is done while the storage is read isn't forgotten, and keeps its order", async () => {
  const [api, client] = await having([], { storage: createSlowMemory() });
  client.create("a");
  const passed = client.pass();
  await Promise.resolve(); // it reads the storage
  client.create("b");
  client.create("c");
  await new Promise(setImmediate);
  assert.deepEqual(client.titles(), ["a", "b", "c"]);
  client.create("d");
  await passed;
  await client.pass();

  assert.deepEqual(api.list().map(({ title }) => title), ["a", "b", "c", "d"]);
});

test("two tabs have one queue, which one of them sends", async () => {
  let waiting = Promise.resolve();
  const lock = (work) => (waiting = waiting.then(work, work));
  const api = createApi();
  const storage = createMemory();
  const tabs = [];
  for (let number = 0; number < 2; number++)
    tabs.push(createClient(api, {
      lock, storage,
      tell: (change) => tabs.filter((tab) => tab !== tabs[number]).forEach((tab) => tab.receive(clone(change))),
    }));
  await Promise.all(tabs.map((tab) => tab.pass()));

  tabs[0].create("a");
  tabs[1].create("b");
  await new Promise(setImmediate); // until they have told each other
  tabs[1].update(tabs[1].find("a"), { title: "A" }); // before it has an id
  await Promise.all(tabs.map((tab) => tab.pass()));

  for (const tab of tabs) assert.deepEqual([tab.titles().sort(), tab.entries()], [["A", "b"], []]);
  assert.deepEqual(api.list().map(({ title }) => title).sort(), ["A", "b"]);
  assert.equal(sentBatches(api).flat().length, 3);
});

test("a tab that missed what another told reads the storage again", async () => {
  const api = createApi();
  const storage = createMemory();
  const [one, other] = [createClient(api, { storage }), createClient(api, { storage })];
  await one.pass();
  await other.pass();
  one.create("a");
  await one.pass();

  await other.pass();

  assert.deepEqual(other.titles(), ["a"]);
  assert.equal(sentBatches(api).length, 1);
});

test("a list that is too long isn't copied; the queue works nevertheless", async () => {
  const api = createApi();
  api.createEarlier(20);
  const client = createClient(api, { limit: 10 });
  client.remember(api.list().slice(0, 2)); // what the user has looked at
  assert.equal(await client.pass(), null);
  assert.deepEqual([client.sync.isStarting, client.sync.isComplete, client.titles()], [false, false, ["Task 1", "Task 2"]]);

  client.complete(client.find("Task 1"), true);
  client.remove(client.find("Task 2"));
  client.create("new");
  await client.pass();

  assert.deepEqual(client.shown().map(({ title, completed, pending }) => [title, completed, pending]),
    [["Task 1", true, undefined], ["new", false, undefined]]);
  assert.equal(api.list().length, 20);
});

test("the answer to each entry is told once, with or without a copy", async () => {
  for (const limit of [10, 0]) {
    const api = createApi();
    api.run({ op: "create", task: { title: "a", recurrence: "FREQ=DAILY" }, idempotency_key: "1" });
    const told = [];
    const onAnswer = ({ key, extra, answer }) => told.push([key, extra, answer.next_task?.id]);
    const client = createClient(api, { limit, onAnswer });
    await client.pass();
    client.remember(api.list());
    const [task] = client.shown();

    const [entry] = client.sync.add([{ op: "complete", id: task.id, if_match: task.etag, completed: true, extra: "mine" }]);
    assert.deepEqual(told, []);
    await client.pass();
    await client.pass();

    assert.deepEqual(told, [[entry.key, "mine", 2]]);
    assert.deepEqual(client.shown().map(({ id, completed, recurrence }) => [id, completed, recurrence]),
      [[1, true, null], [2, false, "FREQ=DAILY"]]);
  }
});

test("a copy that grows too long is given up", async () => {
  const [api, client] = await having(["a"], { limit: 2 });
  for (const title of ["b", "c"]) client.create(title);

  await client.pass();

  assert.deepEqual([client.sync.isComplete, client.entries(), client.storage.tasks.size], [false, [], 0]);
  assert.equal(api.list().length, 3);
});

test("it works without a storage, and says so when one fails", async () => {
  const full = { ...createMemory(), write: () => Promise.reject(new Error("QuotaExceededError")) };
  for (const storage of [null, full]) {
    let said = 0;
    const [api, client] = await having(["a"], { storage, unkept: () => said++ });
    client.update(client.find("a"), { title: "b" });
    assert.equal(client.sync.isKept, false);
    await client.pass();

    assert.equal(said, storage ? 1 : 0);
    assert.deepEqual(client.titles(), ["b"]);
    assert.equal(api.list()[0].title, "b");
  }
});

// The model: clients that do anything, on a network that loses requests and answers, at
// the same time as others write; when all is quiet, each copy is the API's list.

function createRandom(seed) {
  return (below) => {
    seed = (seed * 1664525 + 1013904223) % 2 ** 32;
    return Math.floor((seed / 2 ** 32) * below);
  };
}

async function runModel(seed) {
  const random = createRandom(seed);
  const api = createApi();
  let quiet = false;
  const net = ([, path], answer) => {
    const chance = quiet ? 99 : random(12);
    if (chance === 0) return lost;
    if (chance === 1) return { status: 503, body: {} };
    if (chance === 2) { // done, but the answer is lost
      answer();
      return random(2) ? lost : { status: 503, body: {} };
    }
    if (chance === 3) return { status: 401, body: {} };
    if (chance === 4 && random(4) === 0 && path !== "/batch") api.restart();
    return answer();
  };
  // One device with a tab, and one with two tabs.
  const devices = [0, 1].map(() => ({ storage: createSlowMemory(), waiting: Promise.resolve() }));
  const clients = [];
  const open = (at) => {
    const device = devices[Math.min(at, 1)];
    const others = () => [1, 2].filter((tab) => at && tab !== at).map((tab) => clients[tab]);
    clients[at] = createClient(api, {
      net, storage: device.storage,
      lock: (work) => (device.waiting = device.waiting.then(work, work)),
      tell: (change) => others().forEach((tab) => tab.receive(clone(change))),
    });
    deleted[at] = []; // a notice with its undo is gone
    return clients[at].load();
  };
  const deleted = [];
  for (const at of [0, 1, 2]) await open(at);
  const created = new Set();
  let number = 0;
  const pick = (list) => list[random(list.length)];

  function act(client, removed) {
    const tasks = client.shown();
    const task = pick(tasks);
    const what = random(12);
    if (what < 3 || !task) {
      created.add(`task ${++number}`);
      client.create(`task ${number}`);
    } else if (what < 6) client.update(task, { description: `text ${++number}` });
    else if (what < 8) client.complete(task, !task.completed);
    else if (what < 9) removed.push([client.remove(task), task]);
    else if (what < 10 && removed.length) client.restore(...removed.splice(random(removed.length), 1)[0]);
    else if (what < 11) removed.push(...client.add(tasks.filter(({ completed }) => completed)
      .map(({ id, etag }) => ({ op: "delete", id, if_match: etag, yields: true }))).map((entry) => [entry, tasks.find(({ id }) => id === entry.operation.id)]));
    else client.update(task, { title: "" });
  }

  const settleAll = (client) => {
    for (const entry of client.entries()) {
      if (entry.conflict && random(2)) client.retry(entry);
      else if (entry.conflict || entry.refusal) client.discard(entry);
    }
  };

  const passes = [];
  for (let step = 0; step < 120; step++) {
    const at = random(3);
    if (random(3)) act(clients[at], deleted[at]);
    else passes.push(clients[at].pass());
    if (random(3) === 0) await Promise.all(passes);
    if (random(4) === 0) settleAll(clients[at]);
    if (random(10) === 0) {
      await Promise.all(passes);
      await open(at); // a reload
    }
  }
  await Promise.all(passes);
  quiet = true;
  for (let round = 0; round < 40 && (round < 3 || clients.some((client) => client.entries().length)); round++)
    for (const client of clients) {
      settleAll(client);
      assert.equal(await client.pass(), null);
    }
  for (const client of clients) {
    await client.pass();
    assert.deepEqual(client.entries(), []);
    assert.deepEqual(client.shown().sort((a, b) => a.id - b.id), api.list());
  }
  const titles = api.list().map(({ title }) => title);
  assert.equal(new Set(titles).size, titles.length, "a task was created twice");
  assert.ok(titles.every((title) => created.has(title)));
}

const seeds = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: Number(process.env.SEEDS ?? 15) }, (_, seed) => seed);
test("random clients on a bad network end with what the API has", async () => {
  for (const seed of seeds)
    await runModel(seed).catch((error) => { throw new Error(`SEED=${seed}: ${error.stack}`); });
});
