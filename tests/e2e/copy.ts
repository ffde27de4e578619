/** What docs/sync.md shows: compiled beside the client and sync.js by test_client.py. */
import { connect } from "./client.ts";
import { createStorage } from "./storage.js";
import { createSync, type Entry, SHORTEST, type Task } from "./sync.js";

const client = connect(location.origin, location.origin);
const user = await client.user();
const tasksUrl = `${location.origin}/api/${encodeURIComponent(user)}/tasks`;

export const sync = createSync({
  storage: createStorage(user), // IndexedDB, a database for each user
  request: async (method, path, body) => {
    const headers = { "content-type": "application/json" };
    const request = new Request(tasksUrl + path, { method, headers, body: body ? JSON.stringify(body) : null });
    const answer = await client.fetch(request).catch((error) => error); // Adds a token, and a new one after a 401.
    if (!(answer instanceof Response)) return { status: answer.status ?? 0, body: {} };
    return { status: answer.status, body: await answer.json().catch(() => ({})) };
  },
  lock: (work) => navigator.locks.request(`sync ${user}`, work),
  changed: () => draw([...sync.view().values()].sort((a, b) => (a.title < b.title ? -1 : 1))),
});

export async function follow() {
  await sync.load(); // Shows the stored copy.
  for (;;) {
    const answer = await sync.pass(); // Sends and fetches; null, or the answer that stopped it.
    if (answer?.status === 401) return; // Let the user sign in; the queue is kept.
    await new Promise((resolve) => setTimeout(resolve, answer ? 5 * SHORTEST : SHORTEST));
  }
}

export function act(task: Task) {
  const { id, etag: if_match } = task; // From view().
  sync.add([{ op: "create", task: { title: "Buy oats" } }]); // sync.js makes its key.
  sync.add([{ op: "update", id, if_match, changes: { title: "Buy oats and milk" } }]);
  sync.add([{ op: "complete", id, if_match, completed: true }]);
  sync.add([{ op: "delete", id, if_match }]);
  sync.add([{ op: "restore", id, if_match, preview: task }]); // Undoes the delete.
}

export async function askAbout(entry: Entry) {
  if (entry.conflict) {
    if (await wantsMine(entry.preview, entry.conflict)) sync.retry(entry);
    else sync.discard(entry);
  } else if (entry.refusal) {
    alert(entry.refusal.message); // Or let the user correct it: sync.retry(entry, { operation: … }).
    sync.discard(entry);
  }
}

declare function draw(tasks: Task[]): void;
declare function wantsMine(mine: object, theirs: Task): Promise<boolean>;

// @ts-expect-error: an update needs the version that the user saw.
void (() => sync.add([{ op: "update", id: 1, changes: { title: "Buy oats" } }]));
// @ts-expect-error: an entry is needed.
void (() => sync.retry("key"));
