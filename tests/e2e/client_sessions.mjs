// Drives the example client through what becomes of sessions and tokens:
// `node client_sessions.mjs <folder> <API> <Better Auth> <email> <another's email> <password>`.
// Prints a line of JSON: for each scenario, what came out and what was asked.
const [folder, api, issuer, email, other, password] = process.argv.slice(2);
const reality = globalThis.fetch;
const { connect } = await import(`${folder}/client.js`);
const { connectPhone, firstPage, signInWithoutCookies } = await import(`${folder}/frontend.js`);
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

const titles = async (client) => (await client.page()).tasks.map((task) => task.title);

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
await scenario("native, as in a browser", () => connect(api, issuer).signIn(email, password));
const phone = connectPhone(api, issuer, new Map());
await phone.signIn(email, password);
await scenario("native", async () => (await phone.create({ title: "Phone" })).title);
await scenario("without cookies", async () => {
  const token = await signInWithoutCookies(issuer, email, password);
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${api}/api/${await phone.user()}/tasks`, { headers })).status;
});

const rendered = (cookie) => firstPage(new Request("http://localhost", { headers: { cookie } }), api, issuer);
const firstTitles = async (cookie) => (await rendered(cookie)).map((task) => task.title);
native = false;
await connect(api, issuer).signIn(email, password);
native = true;
await scenario("on a server", () => firstTitles(cookies));
await scenario("on a server, signed out", () => firstTitles(""));
console.log(JSON.stringify(said));
