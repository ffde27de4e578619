// Where the copy and the queue of sync.js are kept: IndexedDB, a database for each user.

const STORES = ["tasks", "queue", "token"];

/** @returns {import("./sync.js").Storage} */
export function createStorage(user) {
  const name = `tasks of ${user}`;
  let opened = null;
  const open = () => (opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("tasks", { keyPath: "id" });
      request.result.createObjectStore("queue", { keyPath: "key" });
      request.result.createObjectStore("token");
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close(); // another tab deletes it
      resolve(request.result);
    };
    request.onerror = () => reject(request.error);
  }));

  /** Do something in a transaction; resolve when it is written. */
  async function transact(mode, use) {
    const transaction = (await open()).transaction(STORES, mode);
    const stores = Object.fromEntries(STORES.map((store) => [store, transaction.objectStore(store)]));
    const requests = use(stores);
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
    return requests;
  }

  return {
    async read() {
      const [tasks, queue, token] = await transact("readonly", (stores) =>
        [stores.tasks.getAll(), stores.queue.getAll(), stores.token.get("token")]);
      return { tasks: tasks.result, queue: queue.result, token: token.result ?? null };
    },
    async readQueue() {
      const [queue, token] = await transact("readonly", (stores) =>
        [stores.queue.getAll(), stores.token.get("token")]);
      return { queue: queue.result, token: token.result ?? null };
    },
    write: (change) => transact("readwrite", ({ tasks, queue, token }) => {
      if (change.reset) tasks.clear();
      change.put?.forEach((task) => tasks.put(task));
      change.remove?.forEach((id) => tasks.delete(id));
      if ("token" in change) token.put(change.token, "token");
      change.queue?.forEach((entry) => queue.put(entry));
      change.done?.forEach((key) => queue.delete(key));
    }),
    forget: () => new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase(name);
      request.onsuccess = resolve;
      request.onerror = () => reject(request.error);
    }),
  };
}

/** Return a storage that lasts as long as the program: for tests, and where there is no other. */
export function createMemory() {
  const tasks = new Map();
  const queue = new Map();
  let token = null;
  const readQueue = async () => structuredClone({ queue: [...queue.values()], token });
  return {
    tasks, readQueue,
    read: async () => ({ ...(await readQueue()), tasks: structuredClone([...tasks.values()]) }),
    async write(change) {
      if (change.reset) tasks.clear();
      for (const task of structuredClone(change.put ?? [])) tasks.set(task.id, task);
      for (const id of change.remove ?? []) tasks.delete(id);
      if ("token" in change) token = change.token;
      for (const entry of structuredClone(change.queue ?? [])) queue.set(entry.key, entry);
      for (const key of change.done ?? []) queue.delete(key);
    },
    async forget() {
      tasks.clear();
      queue.clear();
      token = null;
    },
  };
}
