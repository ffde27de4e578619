/** The list of tasks, and the writes that wait for their answers, with TanStack Query. */
import {
  type InfiniteData,
  keepPreviousData,
  QueryCache,
  QueryClient,
  useInfiniteQuery,
  useMutation,
  useMutationState,
  useQuery,
} from "@tanstack/react-query";
import { useState } from "react";
import { type NewTask, type Page, type Task, type TaskChanges, type Version } from "./client.ts";
import { connect, RequestFailed, retry, retryDelay } from "./client.ts";

/** What a user does, with all that is needed to send it again. */
export type Write =
  | { op: "create"; key: string; task: NewTask }
  | { op: "update"; task: Task; changes: TaskChanges }
  | { op: "delete"; task: Task }
  | { op: "restore"; task: Task };
export type Failure = { write: Write; error: Error };

const LISTS = { queryKey: ["tasks"] };
const WRITES = { mutationKey: ["write"] };
const newer = new Map<string, string>(); // From the ETag of a version to that of what our write made of it.

export const client = connect(location.origin, location.origin);

export const queries: QueryClient = new QueryClient({
  defaultOptions: { queries: { retry, retryDelay }, mutations: { retry, retryDelay } },
  queryCache: new QueryCache({ onError: (error, { queryKey }) => queryKey[0] === "user" || checkUser(error) }),
});

/** After a 401, find out who is signed in now. */
function checkUser(error: Error): void {
  if (error instanceof RequestFailed && error.status === 401)
    void queries.invalidateQueries({ queryKey: ["user"] });
}

/** Return who is signed in. If nobody is, the error is a 401. */
export function useUser() {
  return useQuery({ queryKey: ["user"], queryFn: client.user });
}

/** Return the user's tasks as they will be after the writes that wait for their answers. */
export function useTasks(user: string, search: string) {
  const list = useInfiniteQuery({
    queryKey: [...LISTS.queryKey, user, search],
    queryFn: ({ pageParam: cursor, signal }) =>
      client.page({ limit: 30, search: search || undefined, cursor }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
  const waiting = useMutationState({
    filters: { ...WRITES, status: "pending" },
    select: (mutation) => mutation.state.variables as Write,
  });
  const tasks = waiting.reduce(after, list.data?.pages.flatMap((page) => page.tasks) ?? []);
  return { ...list, tasks, waiting };
}

/** Return a function that sends a write, and the last failure and the last deleted task. */
export function useWrites(user: string) {
  const [failure, setFailure] = useState<Failure>();
  const [deleted, setDeleted] = useState<Task>();
  const { mutate } = useMutation({
    ...WRITES,
    scope: { id: "writes" }, // In order, so that a second edit gets the ETag that the first one made.
    mutationFn: async (write: Write) => {
      if ((await client.user()) !== user) throw new Error("Another user has signed in");
      return send(write);
    },
    onMutate: () => queries.cancelQueries(LISTS), // They may have been read before this write.
    onSuccess: (answer, write) => {
      putIntoLists(write, answer);
      if (write.op === "delete") setDeleted(write.task);
    },
    onError: (error, write) => {
      checkUser(error);
      setFailure({ write, error }); // The user can send it again, or solve the conflict.
    },
    onSettled: () => {
      if (queries.isMutating(WRITES) === 1) void queries.invalidateQueries(LISTS); // The last one.
    },
  });
  return { mutate, failure, setFailure, deleted, setDeleted };
}

async function send(write: Write): Promise<Task | void> {
  if (write.op === "create") return client.create(write.task, write.key);
  if (write.op === "restore") return client.restore(write.task);
  const seen = latest(write.task);
  if (write.op === "delete") return client.remove(seen);
  const answer = await client.update(seen, write.changes);
  newer.set(seen.etag, answer.etag);
  return answer;
}

/** Return the version that our own writes have made of the one that the user saw. */
function latest({ id, etag }: Version): Version {
  const next = newer.get(etag);
  return next ? latest({ id, etag: next }) : { id, etag };
}

function putIntoLists(write: Write, answer: Task | void): void {
  queries.setQueriesData<InfiniteData<Page>>(LISTS, (list) => {
    if (!list) return list;
    const done = answer && write.op === "update" ? { ...write, changes: answer } : write;
    const pages = list.pages.map((page) => ({ ...page, tasks: after(page.tasks, done) }));
    if (answer && write.op !== "update") pages[0]?.tasks.unshift(answer);
    return { ...list, pages };
  });
}

function after(tasks: Task[], write: Write): Task[] {
  if (write.op === "delete") return tasks.filter(({ id }) => id !== write.task.id);
  if (write.op !== "update") return [...tasks];
  return tasks.map((task) => (task.id === write.task.id ? { ...task, ...write.changes } : task));
}
