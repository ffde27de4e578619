/** A client of the API: types from openapi.json, tokens from Better Auth. */
import { type BetterAuthClientOptions, createAuthClient } from "better-auth/client";
import { jwtClient } from "better-auth/client/plugins";
import createClient from "openapi-fetch";
import type { components, operations, paths } from "./api.js";

export type Task = components["schemas"]["Task"];
export type NewTask = components["schemas"]["NewTask"];
export type TaskChanges = components["schemas"]["TaskChanges"];
type Query = NonNullable<operations["list_tasks"]["parameters"]["query"]>;
type FetchOptions = BetterAuthClientOptions["fetchOptions"];

/** The API or Better Auth answered with an error (status 401: nobody is signed in; 0: no answer). */
export class RequestFailed extends Error {
  readonly status: number;
  constructor(status: number, body?: { message?: string } | null) {
    super(body?.message ?? (status ? `The answer was a ${status}` : "There was no answer"));
    this.status = status;
  }
}

/** The task has changed since it was read; `task` is how it is now. */
export class Conflict extends RequestFailed {
  readonly task: Task;
  constructor({ message, details }: components["schemas"]["PreconditionFailed"]) {
    super(412, { message });
    this.task = details.task;
  }
}

/** Connect to the API at `apiUrl` with tokens of the Better Auth at `authUrl`. Node and React
 * Native need `fetchOptions`, because they send no Origin and keep no cookies: docs/frontend.md. */
export function connect(apiUrl: string, authUrl: string, fetchOptions?: FetchOptions) {
  const auth = createAuthClient({ baseURL: authUrl, plugins: [jwtClient()], fetchOptions });
  const api = createClient<paths>({ baseUrl: apiUrl, fetch: fetchWithToken });
  const user = share(async () => unwrap(await auth.getSession()).user.id); // Works after a reload.
  const token = share(async () => unwrap(await auth.token()).token);
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

  /** Yield all tasks; fetch each page only when its tasks are needed. */
  async function* tasks(query: Query = {}): AsyncGenerator<Task> {
    const path = { user_id: await user.get() };
    let cursor: string | undefined;
    do {
      const params = { path, query: { ...query, cursor } };
      const { data, error, response } = await api.GET("/api/{user_id}/tasks", { params });
      if (!data) throw new RequestFailed(response.status, error);
      yield* data;
      const next = /<([^>]*)>; rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
      cursor = next && (new URL(next, apiUrl).searchParams.get("cursor") ?? undefined);
    } while (cursor);
  }

  /** Create one task. Retries send the same key, so they can't create a second one. */
  async function create(body: NewTask, attempts = 5): Promise<Task> {
    const header = { "Idempotency-Key": crypto.randomUUID() };
    const params = { path: { user_id: await user.get() }, header };
    for (let attempt = 1; ; attempt++) {
      const answer = await api.POST("/api/{user_id}/tasks", { params, body }).catch((error) => {
        if (!(error instanceof TypeError)) throw error; // from fetch(): there was no answer
      });
      if (answer?.data) return answer.data;
      const status = answer?.response.status ?? 0;
      if (attempt === attempts || ![0, 409, 429, 503].includes(status))
        throw new RequestFailed(status, answer?.error);
      const seconds = Number(answer?.response.headers.get("retry-after")) || 2 ** (attempt - 1);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  }

  /** Count the tasks; the time zone defines today. */
  async function summary(time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone) {
    const params = { path: { user_id: await user.get() }, query: { time_zone } };
    const { data, error, response } = await api.GET("/api/{user_id}/tasks/summary", { params });
    if (data) return data;
    throw new RequestFailed(response.status, error);
  }

  /** Change a task; throw Conflict if it isn't as `task` shows it any more. */
  async function update(task: Task, body: TaskChanges): Promise<Task> {
    const path = { user_id: await user.get(), task_id: task.id };
    const params = { path, header: { "If-Match": task.etag } };
    const { data, error, response } = await api.PATCH("/api/{user_id}/tasks/{task_id}", { params, body });
    if (data) return data;
    if (error && "error" in error && error.error === "precondition_failed") throw new Conflict(error);
    throw new RequestFailed(response.status, error);
  }

  return { signIn, signOut, tasks, summary, create, update, api, user: user.get };
}

function unwrap<T>(answer: { data: T; error: { status: number; message?: string } | null }) {
  if (answer.data) return answer.data;
  throw new RequestFailed(answer.error?.status || 401, answer.error ?? { message: "Sign in first" });
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
