// Drives the example client through what becomes of sessions and tokens:
// `node client_sessions.mjs <client.js> <API> <Better Auth> <email> <another's email> <password>`.
// Prints a line of JSON: for each scenario, what came out and what was asked.
const [module, api, issuer, email, other, password] = process.argv.slice(2);
const reality = globalThis.fetch;
const { connect } = await import(module);
let cookies = "";
let asked = [];
let spoilt = 0;
let down = 0;

// A browser: cookies, and the page's origin.
async function browser(request) {
  request.headers.set("origin", issuer);
  request.headers.set("cookie", cookies);
  const response = await reality(request);
  for (const line of response.headers.getSetCookie()) cookies = line.split(";")[0];
  return response;
}

globalThis.fetch = async (input, init) => {
  const request = new Request(input, init);
  const path = new URL(request.url).pathname.replace(/^\/api\/auth/, "");
  if (request.url.startsWith(issuer)) {
    asked.push(path);
    if (path === "/token" && down-- > 0) throw new TypeError("fetch failed");
    return native ? reality(request) : browser(request);
  }
  if (spoilt-- > 0) request.headers.set("authorization", "Bearer expired");
  const response = await reality(request);
  asked.push(response.status);
  return response;
};

let native = false;
const said = {};

async function scenario(name, act) {
  asked = [];
  const result = await act().catch((error) => `${error.constructor.name} ${error.status}: ${error.message}`);
  said[name] = { result, asked: count(asked) };
}

function count(items) {
  const found = {};
  for (const item of items) found[item] = (found[item] ?? 0) + 1;
  return found;
}

async function titles(client) {
  const found = [];
  for await (const task of client.tasks()) found.push(task.title);
  return found;
}

const ten = (client) => Promise.all(Array.from({ length: 10 }, () => titles(client)));

await scenario("signed out", () => titles(connect(api, issuer)));
await connect(api, issuer).signIn(email, password);
await scenario("reload", () => titles(connect(api, issuer)));
const client = connect(api, issuer);
await scenario("ten at once", async () => (await ten(client)).length);
spoilt = 10;
await scenario("ten expired at once", async () => (await ten(client)).length);
spoilt = 100;
await scenario("never accepted", () => titles(client));
spoilt = 0;
await scenario("after that", () => titles(client));
const fresh = connect(api, issuer);
down = 1;
await scenario("no token once", () => titles(fresh));
await scenario("a token again", () => titles(fresh));
await connect(api, issuer).signIn(other, password);
spoilt = 1; // So that it fetches a token, which is now another user's.
await scenario("another user signed in", () => titles(client));
await scenario("as the other user", async () => (await titles(client), await client.user()));
said.other = (await connect(api, issuer).user());
await scenario("sign out", () => client.signOut());
await scenario("after signing out", () => titles(client));

native = true;
let session;
await scenario("native, as in a browser", () => connect(api, issuer).signIn(email, password));
const phone = connect(api, issuer, {
  headers: { origin: issuer },
  credentials: "omit",
  auth: { type: "Bearer", token: () => session },
  onSuccess: ({ response }) => {
    session = response.headers.get("set-auth-token") ?? session;
  },
});
await phone.signIn(email, password);
await scenario("native", async () => (await phone.create({ title: "Phone" })).title);
console.log(JSON.stringify(said));
