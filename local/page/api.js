// The API. Every request goes through call().

import { endOutage, logRequest, pause } from "./messages.js";

export const user = new URLSearchParams(location.search).get("user") ?? "demo";
export const tasksPath = `/api/${encodeURIComponent(user)}/tasks`;
export const taskPath = (task) => `${tasksPath}/${task.id}`;
let config = {}; // { api, token }
let writes = 0;

/** Return how many writes were answered: a list that was read meanwhile may be out of date. */
export const countWrites = () => writes;

async function signIn() {
  const response = await fetch(`config.json?user=${encodeURIComponent(user)}`);
  if (!response.ok) throw new Refusal(response, { message: `There is no token for this page (${response.status}).` });
  config = await response.json();
}

/** An error answer, with the API's message. */
class Refusal extends Error {
  constructor(response, body) {
    super(body.message ?? `The API answered ${response.status}.`);
    this.status = response.status;
    this.details = body.details;
  }
}

/**
 * Send a request until it is answered: after a 401 with a new token, and again after a
 * pause if the API can't be reached. Requests must therefore be safe to repeat: creates
 * have an Idempotency-Key, other writes an If-Match.
 */
export async function call(method, path, { body, headers = {}, signal = new AbortController().signal } = {}) {
  let renewed = false;
  for (let attempt = 0; ; attempt++) {
    let response = null;
    try {
      if (!config.token) await signIn();
      const sent = { ...headers, authorization: `Bearer ${config.token}` };
      if (body) sent["content-type"] = "application/json";
      response = await fetch(new URL(path, config.api), {
        method, headers: sent, body: body && JSON.stringify(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(40_000)]), // API Gateway gives up after 30 s
        keepalive: method === "DELETE", // may be sent while the page is closing
      });
    } catch (error) {
      if (signal.aborted || error instanceof Refusal) throw error; // else it is a network error
    }
    logRequest(method, path, headers, response);
    // An incomplete answer counts as no answer.
    const text = await response?.text().catch(() => (response = undefined));
    signal.throwIfAborted();
    const answer = parseJson(text) ?? {};
    if (response?.status === 401 && !renewed && answer.details?.field !== "user_id") {
      renewed = true;
      config.token = null;
      continue;
    }
    // Retry if throttled, temporarily unavailable, or the Idempotency-Key is in use.
    if (response && ![409, 429, 503].includes(response.status)) {
      endOutage();
      if (method !== "GET") writes++;
      if (!response.ok) throw new Refusal(response, answer);
      return { status: response.status, headers: response.headers, body: answer };
    }
    const retryAfter = Number(response?.headers.get("retry-after"));
    await pause(answer.message ?? (await explainFailure()), retryAfter || Math.min(2 ** attempt, 30));
    signal.throwIfAborted();
  }
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
