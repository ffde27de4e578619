/** What docs/frontend.md shows: compiled beside the client by test_client.py, and run. */
import { connect, type NewTask, type Query, type RequestFailed, retry, retryDelay, type Task } from "./client.ts";

type Client = ReturnType<typeof connect>;

// @ts-expect-error: a wrong call doesn't compile.
void ((client: Client) => client.create({ titel: "Buy groceries" }));

export async function everyTask(client: Client, query: Query): Promise<Task[]> {
  const tasks: Task[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.page({ ...query, cursor });
    tasks.push(...page.tasks);
    cursor = page.next;
  } while (cursor);
  return tasks;
}

export async function createSafely(client: Client, task: NewTask): Promise<Task> {
  const key = crypto.randomUUID();
  for (let failures = 0; ; failures++) {
    try {
      return await client.create(task, key);
    } catch (error) {
      if (!(error instanceof Error && retry(failures, error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, retryDelay(failures, error)));
    }
  }
}

export function explain({ problem }: RequestFailed): string {
  switch (problem.error) {
    case "validation_error":
      return `${problem.details.field}: ${problem.message}`;
    case "precondition_failed":
      return `It is called ${problem.details.task.title} now`;
    case "unauthorized":
      return problem.details?.field === "user_id" ? "Another user has signed in" : "Sign in again";
    case undefined: // API Gateway's own
      return `Try again later: ${problem.message}`;
    default:
      return problem.message;
  }
}

export function connectPhone(apiUrl: string, authUrl: string, storage: Map<string, string>): Client {
  return connect(apiUrl, authUrl, {
    headers: { origin: authUrl },
    credentials: "omit",
    auth: { type: "Bearer", token: () => storage.get("session") },
    onSuccess: ({ response }) => {
      const session = response.headers.get("set-auth-token");
      if (session) storage.set("session", session);
    },
  });
}

export async function signInWithoutCookies(authUrl: string, email: string, password: string) {
  const signedIn = await fetch(`${authUrl}/api/auth/sign-in/email`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: authUrl },
    body: JSON.stringify({ email, password }),
  });
  const session = signedIn.headers.get("set-auth-token"); // Keep it: valid for 7 days.
  const answer = await fetch(`${authUrl}/api/auth/token`, { headers: { authorization: `Bearer ${session}` } });
  const { token } = await answer.json(); // For the API: valid for 15 minutes.
  return token;
}

export async function firstPage(request: Request, apiUrl: string, authUrl: string): Promise<Task[]> {
  const headers = { cookie: request.headers.get("cookie") ?? "" };
  const session = await fetch(`${authUrl}/api/auth/get-session`, { headers });
  const { user } = (await session.json()) ?? {};
  if (!user) return []; // Nobody is signed in.
  const authorization = `Bearer ${session.headers.get("set-auth-jwt")}`;
  const tasks = `${apiUrl}/api/${encodeURIComponent(user.id)}/tasks?limit=30`;
  return (await fetch(tasks, { headers: { authorization } })).json();
}

export async function complete({ api }: Client, { user_id, id: task_id, etag }: Task) {
  const params = { path: { user_id, task_id }, header: { "If-Match": etag } };
  const { data } = await api.PATCH("/api/{user_id}/tasks/{task_id}/complete", { params, body: { completed: true } });
  const next: Task | null | undefined = data?.next_task;
  return next;
}

const title = "Rest";
const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
export const timed: NewTask = { title, due_date: "2026-03-09T17:00", time_zone }; // <input type="datetime-local">
export const allDay: NewTask = { title, due_date: "2026-03-09" }; // <input type="date">; needs no zone
export const recurring: NewTask = { title, due_date: "2026-03-09", recurrence: "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO" };

export const today: Query = { status: "pending", due_from: "2026-03-09", due_before: "2026-03-10", time_zone };
export const work: Query = { tags: "work,deep work", priority: "high,urgent", sort: "due_date" };
