// Drives the example client: `node client.mjs <folder> <API> <Better Auth> <email> <password>`.
// Stands in for what a browser has and node doesn't, cookies and an origin, and for a
// network at its worst: the first token is spoilt and the first create's answer is lost.
const [folder, api, issuer, email, password] = process.argv.slice(2);
const reality = globalThis.fetch;
const said = { statuses: [], keys: [] };
let cookies = "";
let spoilt = false;
let lost = false;

globalThis.fetch = async (input, init) => {
  const request = new Request(input, init);
  if (request.url.startsWith(issuer)) {
    request.headers.set("origin", issuer);
    request.headers.set("cookie", cookies);
    const response = await reality(request);
    const set = response.headers.getSetCookie().map((cookie) => cookie.split(";")[0]);
    cookies = set.join("; ") || cookies;
    return response;
  }
  if (!spoilt) {
    spoilt = true;
    request.headers.set("authorization", "Bearer expired");
  }
  const response = await reality(request);
  said.statuses.push(`${request.method} ${response.status}`);
  if (request.method === "POST") {
    said.keys.push(request.headers.get("idempotency-key"));
    said.replayed ??= response.headers.get("idempotent-replayed");
    if (!lost) {
      lost = true;
      throw new TypeError("fetch failed");
    }
  }
  return response;
};

/** Changes that the API spells otherwise; with each, another one that isn't the same. */
const CHANGES = [
  [{ title: "  Oats " }, { title: "oats" }],
  [{ priority: "HIGH" }, { priority: "low" }],
  [{ tags: [" home", "work", "home"] }, { tags: ["home"] }],
  [{ due_date: "2026-03-09t17:00:00+01:00" }, { due_date: "2026-03-09T17:00:00Z" }],
  [{ due_date: "2026-03-09T17:00", time_zone: "Asia/Tokyo" }, { due_date: "2026-03-09T17:01", time_zone: "Asia/Tokyo" }],
  [{ due_date: "2026-07-09T17:00:30" }, { due_date: "2026-07-09T17:00" }],
  [{ recurrence: "weekly" }, { recurrence: "daily" }],
  [{ recurrence: "byday=TU,mo,TU;interval=01;freq=WEEKLY;count=010" }, { recurrence: "FREQ=WEEKLY;COUNT=10;BYDAY=TU" }],
  [{ recurrence: "BYDAY=-1FR,+2MO;FREQ=MONTHLY;INTERVAL=2" }, { recurrence: "FREQ=MONTHLY;INTERVAL=2;BYDAY=-2FR,2MO" }],
  [{ recurrence: "FREQ=DAILY;UNTIL=20270101T000000Z" }, { recurrence: "FREQ=DAILY;UNTIL=20270101" }],
  [{ due_date: "", recurrence: "" }, { due_date: "2026-03-09" }],
  [{ description: null, completed: true }, { description: "null" }],
];

const { connect, currentTask } = await import(`${folder}/client.js`);
const { allDay, createSafely, everyTask, explain, timed, today, work } = await import(`${folder}/frontend.js`);
const client = connect(api, issuer);
await client.signIn(email, password);
said.before = await titles();
const created = await createSafely(client, { title: "Buy groceries" });
said.created = created.title;
said.updated = (await client.update(created, { description: "Oats" })).description;
said.conflict = await client.update(created, { description: null }).catch((error) => [error.status, currentTask(error).description]);
said.retried = await retried(await client.create({ title: "Retried", due_date: "2026-03-09" }));
const plan = { due_date: "2026-03-09T17:00", time_zone: "Europe/Berlin", priority: "high", tags: ["home"] };
for (const title of ["Second", "Third"]) await client.create({ title, ...plan });
said.due = await titles({ tags: "home", due_from: "2026-03-09", due_before: "2026-03-10", sort: "due_date" });
said.counts = await client.summary();
said.paged = await titles({ limit: 1, sort: "title" });
said.refused = await client.create({ title: " " }).catch(explain);
for (const task of [timed, allDay]) await client.create({ ...task, tags: ["deep work", "work"], priority: "high" });
said.today = await titles(today);
said.work = await titles(work);
console.log(JSON.stringify(said));

/** Make changes whose answers are lost. Return those that then look like another's changes,
 * and those of another that look like these. */
async function retried(task) {
  const found = { conflicts: [], missed: [] };
  let before = task;
  for (const [sent, other] of CHANGES) {
    const first = await client.update(task, sent);
    const again = await client.update(task, sent).catch((error) => error);
    if (again.etag !== first.etag) found.conflicts.push([sent, String(again)]);
    const changed = await client.update(before, other).catch(() => null);
    if (changed) found.missed.push([other, first]);
    [before, task] = [task, first];
  }
  await client.remove(task);
  return found;
}

async function titles(query) {
  return (await everyTask(client, query)).map((task) => task.title);
}
