// The API. Every request goes through request(), or call() if it shall be sent until it is
// answered.

import { endOutage, logRequest, pause } from "./messages.js";

export const user = new URLSearchParams(location.search).get("user") ?? "demo";
export const tasksPath = `/api/${encodeURIComponent(user)}/tasks`;
export const trashPath = `/api/${encodeURIComponent(user)}/trash`;
const LARGEST_KEPT_ALIVE = 60_000; // bytes; browsers refuse more than 64 KiB: https://fetch.spec.whatwg.org/#http-network-or-cache-fetch
let config = {}; // { api, token }
let signingIn = null;
let writes = 0;

/** Return how many writes were answered: a list that was read meanwhile may be out of date. */
export const countWrites = () => writes;

/** Fetch a token, once for all requests that need one; return null, or an answer that says why there is none. */
const signIn = () => (signingIn ??= fetchToken().finally(() => { signingIn = null; }));

async function fetchToken() {
  const response = await fetch(`config.json?user=${encodeURIComponent(user)}`);
  if (!response.ok) return { status: 401, body: { message: `There is no token for this page (${response.status}).` } };
  config = await response.json();
  return null;
}

/** An error answer, with the API's message. */
class Refusal extends Error {
  constructor({ status, body }) {
    super(body.message ?? `The API answered ${status}.`);
    this.status = status;
  }
}

/**
 * Send a request; after a 401, once more with a new token. Return { status, headers, body }.
 * If there is no complete answer, the status is 0.
 */
export async function request(method, path, { body, headers = {}, signal = new AbortController().signal } = {}) {
  const text = body && JSON.stringify(body);
  for (let renewed = false; ; renewed = true) {
    let token, response, answer;
    try {
      const refusal = config.token ? null : await signIn();
      if (refusal) return refusal;
      ({ token } = config);
      const sent = { ...headers, authorization: `Bearer ${token}` };
      if (text) sent["content-type"] = "application/json";
      response = await fetch(new URL(path, config.api), {
        method, headers: sent, body: text,
        signal: AbortSignal.any([signal, AbortSignal.timeout(40_000)]), // API Gateway gives up after 30 s
        keepalive: method !== "GET" && new Blob([text ?? ""]).size < LARGEST_KEPT_ALIVE, // also if the page is closed
      });
      answer = parseJson((await response.text()) || "{}"); // undefined if it isn't the API's
    } catch {
      signal.throwIfAborted();
    }
    if (config.token) logRequest(method, path, headers, response, body);
    if (!answer) return { status: 0, body: {} };
    if (method !== "GET") writes++;
    if (response.status !== 401 || renewed || answer.details?.field === "user_id")
      return { status: response.status, headers: response.headers, body: answer };
    if (config.token === token) config.token = null; // else another request has renewed it
  }
}

/**
 * Send a request until it is answered: again after a pause if the API can't be reached, or
 * says that it is unavailable. It must therefore be safe to repeat. Throw an error answer.
 */
export async function call(method, path, options) {
  for (let attempt = 0; ; attempt++) {
    const answer = await request(method, path, options);
    if (answer.status >= 200 && ![409, 429, 503].includes(answer.status)) {
      endOutage();
      if (answer.status >= 300) throw new Refusal(answer);
      return answer;
    }
    await waitAfter(answer, attempt);
    options?.signal?.throwIfAborted();
  }
}

/** Return the path of a list's next page, or null. */
export const nextPath = (headers) => headers.get("link")?.match(/<([^>]*)>; rel="next"/)?.[1] ?? null;

/** Wait before a request is sent again; say why. */
export async function waitAfter({ status, headers, body }, attempt) {
  const reason = body.message ?? (status ? `The API answered ${status}.` : await explainFailure());
  await pause(reason, Number(headers?.get("retry-after")) || Math.min(2 ** attempt, 30));
}

/** Parse JSON; return undefined for any other text. */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {}
}

/** Browsers don't say why a request failed, so try /health to find out more. */
async function explainFailure() {
  if (!navigator.onLine) return "You are offline.";
  if (!config.token) return "This page's own server can't be reached: is “make run” running?";
  const answers = (mode) =>
    fetch(new URL("/health", config.api), { mode, cache: "no-store", signal: AbortSignal.timeout(5000) })
      .then(() => true, () => false);
  if (await answers("cors")) return "The API is up and allows this page, but this request got no answer. Perhaps the connection broke, or a browser extension blocks it.";
  if (await answers("no-cors")) return `The API is up, but doesn't allow pages from ${location.origin}: see AllowedOrigins.`;
  if (location.protocol === "https:" && config.api.startsWith("http:")) return `The API at ${config.api} can't be reached. Browsers block http requests of https pages.`;
  return `The API at ${config.api} can't be reached.`;
}
