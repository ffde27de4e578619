/** The API in TypeScript: signed in by Better Auth, typed from openapi.json. */

import { createAuthClient } from "better-auth/client";
import { jwtClient } from "better-auth/client/plugins";
import createClient from "openapi-fetch";
import type { components, operations, paths } from "./api.js";

export type Task = components["schemas"]["Task"];
export type NewTask = components["schemas"]["NewTask"];
type Query = NonNullable<operations["list_tasks"]["parameters"]["query"]>;

/** Connect to the API at `apiUrl`, with tokens of the Better Auth at `authUrl`. */
export function connect(apiUrl: string, authUrl: string) {
  const auth = createAuthClient({ baseURL: authUrl, plugins: [jwtClient()] });
  const api = createClient<paths>({ baseUrl: apiUrl, fetch: authorized });
  let token: string | undefined;
  let user_id = "";

  async function signIn(email: string, password: string): Promise<void> {
    const { data, error } = await auth.signIn.email({ email, password });
    if (error) throw new Error(error.message);
    user_id = data.user.id;
    token = undefined;
  }

  async function newToken(): Promise<string> {
    const { data, error } = await auth.token();
    if (error) throw new Error(error.message);
    return data.token;
  }

  /** Send a request with the token, which lives 15 minutes; after a 401, with a new one. */
  async function authorized(request: Request): Promise<Response> {
    const send = async (): Promise<Response> => {
      token ??= await newToken();
      const attempt = request.clone();
      attempt.headers.set("authorization", `Bearer ${token}`);
      return fetch(attempt);
    };
    const response = await send();
    if (response.status !== 401) return response;
    token = undefined;
    return send();
  }

  /** Go through all tasks, a page at a time, as far as they are asked for. */
  async function* tasks(query: Query = {}): AsyncGenerator<Task> {
    let cursor: string | undefined;
    do {
      const { data, error, response } = await api.GET("/api/{user_id}/tasks", {
        params: { path: { user_id }, query: { ...query, cursor } },
      });
      if (!data) throw new Error(error.message);
      yield* data;
      const next = /<([^>]*)>; rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
      cursor = next && (new URL(next, apiUrl).searchParams.get("cursor") ?? undefined);
    } while (cursor);
  }

  /** Create one task, however often it has to be sent: the key tells that it is the same. */
  async function create(body: NewTask, attempts = 5): Promise<Task> {
    const header = { "Idempotency-Key": crypto.randomUUID() };
    for (let attempt = 1; ; attempt++) {
      const last = attempt === attempts;
      let seconds = 2 ** (attempt - 1);
      try {
        const { data, error, response } = await api.POST("/api/{user_id}/tasks", {
          params: { path: { user_id }, header },
          body,
        });
        if (data) return data;
        if (last || ![409, 429, 503].includes(response.status)) throw new Error(error.message);
        seconds = Number(response.headers.get("retry-after")) || seconds;
      } catch (error) {
        // fetch() throws a TypeError where there was no answer.
        if (last || !(error instanceof TypeError)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  }

  return { signIn, tasks, create, api };
}
