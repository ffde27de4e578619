/** A client of the API for browsers, Node and React Native: types from openapi.json, tokens
 * from Better Auth. */
import { type BetterAuthClientOptions, createAuthClient } from "better-auth/client";
import { jwtClient } from "better-auth/client/plugins";
import createClient from "openapi-fetch";
import type { components, operations, paths } from "./api.ts";

export type Task = components["schemas"]["Task"];
export type NewTask = components["schemas"]["NewTask"];
export type TaskChanges = components["schemas"]["TaskChanges"];
export type Problem = components["schemas"]["Error"];
export type Page = { tasks: Task[]; next: string | undefined };
export type Query = NonNullable<operations["list_tasks"]["parameters"]["query"]>;
/** A task as somebody saw it. */
export type Version = Pick<Task, "id" | "etag">;
type FetchOptions = BetterAuthClientOptions["fetchOptions"];

/** The API or Better Auth answered with an error; `problem.error` says which. */
export class RequestFailed extends Error {
  readonly status: number;
  readonly problem: Problem;
  readonly retryAfter: number; // seconds, or 0
  readonly requestId: string | undefined; // for bug reports
  constructor(status: number, body?: Problem | string, headers?: Headers) {
    const problem = typeof body === "object" ? body : { message: `The answer was a ${status}` }; // a proxy's
    super(problem.message);
    this.status = status;
    this.problem = problem;
    this.retryAfter = Number(headers?.get("retry-after")) || 0;
    this.requestId = headers?.get("x-request-id") ?? undefined;
  }
}

/** Say whether to send a request again; as TanStack Query's `retry`. A TypeError of fetch()
 * means that there was no answer. */
export function retry(failures: number, error: Error): boolean {
  const transient = error instanceof RequestFailed && [409, 429, 502, 503, 504].includes(error.status);
  return failures < 4 && (transient || error instanceof TypeError);
}

/** Return the milliseconds to wait before that; as TanStack Query's `retryDelay`. */
export function retryDelay(failures: number, error: Error): number {
  return 1000 * ((error instanceof RequestFailed && error.retryAfter) || 2 ** failures);
}

/** Connect to the API at `apiUrl` with tokens of the Better Auth at `authUrl`. Node and React
 * Native need `fetchOptions`, because they send no Origin and keep no cookies: docs/frontend.md. */
export function connect(apiUrl: string, authUrl: string, fetchOptions?: FetchOptions) {
  const auth = createAuthClient({ baseURL: authUrl, plugins: [jwtClient()], fetchOptions });
  const api = createClient<paths>({ baseUrl: apiUrl, fetch: fetchWithToken });
  const user = share(async () => unwrap(await auth.getSession()).user.id); // Works after a reload.
  const token = share(async () => {
    const answer = await auth.token();
    if (answer.error?.status === 401) user.forget(); // Signed out elsewhere, or expired.
    return unwrap(answer).token;
  });
  const forget = () => (user.forget(), token.forget());
  const signIn = async (email: string, password: string): Promise<void> =>
    void unwrap(await auth.signIn.email({ email, password }).finally(forget));
  const signOut = async (): Promise<void> => void unwrap(await auth.signOut().finally(forget));

  /** Send a request with the token, valid for 15 minutes; after a 401, retry once with a new one. */
  async function fetchWithToken(request: Request): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const used = token.get();
      const sent = request.clone();
      sent.headers.set("authorization", `Bearer ${await used}`);
      const response = await fetch(sent);
      if (response.status !== 401) return response;
      token.forget(used);
      const body = await response.clone().json().catch(() => null);
      // Another user has signed in since, for example in another tab: this path is not theirs.
      const otherUser = body?.details?.field === "user_id";
      if (otherUser) user.forget();
      if (otherUser || attempt > 1) return response;
    }
  }

  /** Return a page of the list; ask for the following one with `cursor: next`. */
  async function page(query: Query = {}, signal?: AbortSignal): Promise<Page> {
    const params = { path: { user_id: await user.get() }, query };
    const sent = api.GET("/api/{user_id}/tasks", { params, ...(signal && { signal }) });
    const { data, response } = await answered(sent);
    return { tasks: data, next: nextCursor(response) };
  }

  /** Create a task. To retry, send the same key: it can't create a second one. */
  async function create(body: NewTask, key: string = crypto.randomUUID()): Promise<Task> {
    const params = { path: { user_id: await user.get() }, header: { "Idempotency-Key": key } };
    return (await answered(api.POST("/api/{user_id}/tasks", { params, body }))).data;
  }

  /** Change a task, if it is still as it was seen; else RequestFailed has the current task. */
  async function update(seen: Version, body: TaskChanges): Promise<Task> {
    const params = await parameters(seen);
    const sent = api.PATCH("/api/{user_id}/tasks/{task_id}", { params, body });
    const { data } = await answered(sent).catch((error: unknown) => {
      const current = currentTask(error);
      // An earlier attempt has changed it, and its answer was lost.
      if (current && has(current, body)) return { data: current };
      throw error;
    });
    return data;
  }

  /** Delete a task, if it is still as it was seen. */
  async function remove(seen: Version): Promise<void> {
    const params = await parameters(seen);
    await answered(api.DELETE("/api/{user_id}/tasks/{task_id}", { params })).catch((error: unknown) => {
      if (!(error instanceof RequestFailed && error.status === 404)) throw error; // It is gone.
    });
  }

  /** Bring back a deleted task. */
  async function restore({ id }: Version): Promise<Task> {
    const params = { path: { user_id: await user.get(), task_id: id } };
    return (await answered<Task>(api.POST("/api/{user_id}/tasks/{task_id}/restore", { params }))).data;
  }

  async function parameters({ id, etag }: Version) {
    return { path: { user_id: await user.get(), task_id: id }, header: { "If-Match": etag } };
  }

  /** Count the tasks; the time zone defines today. */
  async function summary(time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone) {
    const params = { path: { user_id: await user.get() }, query: { time_zone } };
    return (await answered(api.GET("/api/{user_id}/tasks/summary", { params }))).data;
  }

  return { signIn, signOut, user: user.get, page, create, update, remove, restore, summary, api, fetch: fetchWithToken };
}

/** Return the cursor of the next page, if there is one. */
export function nextCursor(response: Response): string | undefined {
  const next = /<([^>]*)>; rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
  return next && (new URL(next, response.url).searchParams.get("cursor") ?? undefined);
}

/** Return the task as it is now, if the error says that it has changed. */
export function currentTask(error: unknown): Task | undefined {
  const problem = error instanceof RequestFailed ? error.problem : undefined;
  return problem?.error === "precondition_failed" ? problem.details.task : undefined;
}

/** Say whether a task has the values that were sent, which the API may spell otherwise. */
function has(task: Task, changes: TaskChanges): boolean {
  const sent = Object.keys(changes) as (keyof TaskChanges)[];
  const isLocal = LOCAL.test(changes.due_date ?? "");
  const now = isLocal ? { ...task, due_date: localTime(task) } : task;
  return sent.every((name) => comparable(name, changes[name]) === comparable(name, now[name]));
}

const LOCAL = /T[\d:.]+$/i; // A time without an offset.

/** Return when a task is due as its time zone's clocks show it. */
function localTime({ due_date: due, time_zone: timeZone }: Task): string | null {
  const isTime = due && timeZone && due.length > 10;
  return isTime ? new Date(due).toLocaleString("sv", { timeZone }).replace(" ", "T") : due;
}

/** Return a value as text that is the same for all spellings of it. */
function comparable(name: keyof TaskChanges, value: unknown): string {
  if (Array.isArray(value)) return JSON.stringify([...new Set(value.map((tag) => String(tag).trim()))]);
  if (typeof value !== "string") return JSON.stringify(value);
  if (name === "title") return value.trim();
  if (name === "priority") return value.toLowerCase();
  if (name === "recurrence" && value) return JSON.stringify(parts(value));
  if (name === "due_date" && value.length > 10) return String(Date.parse(value.toUpperCase().replace(LOCAL, "$&Z")));
  return JSON.stringify(value || null);
}

/** Return the parts of a rule, in one order and without leading zeros; daily is FREQ=DAILY. */
function parts(rule: string): string[][] {
  const written = rule.toUpperCase().replace(/^[A-Z]+$/, "FREQ=$&").replace(/(?<!\w)\+?0*(?=\d)/g, "");
  const found = written.split(";").filter((part) => part !== "INTERVAL=1");
  return found.sort().map((part) => [...new Set(part.split(/[=,]/))].sort());
}

async function answered<T>(sent: Promise<{ data?: T; error?: Problem; response: Response }>) {
  const { data, error, response } = await sent;
  if (response.ok) return { data: data as T, response };
  throw new RequestFailed(response.status, error, response.headers);
}

function unwrap<T>(answer: { data: T; error: { status: number; message?: string } | null }) {
  if (answer.data) return answer.data;
  const message = answer.error?.message ?? (answer.error ? "Better Auth failed" : "Sign in first");
  throw new RequestFailed(answer.error?.status || 401, { message });
}

/** Call `ask` once and share its answer; call it again after a failure or forget(). */
function share<T>(ask: () => Promise<T>) {
  let answer: Promise<T> | undefined;
  const forget = (old = answer): void => void (answer === old && (answer = undefined));
  const get = (): Promise<T> => {
    const current = (answer ??= ask());
    current.catch(() => forget(current));
    return current;
  };
  return { get, forget };
}
