import { QueryClientProvider, useMutation } from "@tanstack/react-query";
import { type FormEvent, StrictMode, useDeferredValue, useState } from "react";
import { createRoot } from "react-dom/client";
import { currentTask, RequestFailed, type Task, type TaskChanges } from "./client.ts";
import { client, type Failure, queries, useTasks, useUser, useWrites, type Write } from "./tasks.ts";

type Send = (write: Write) => void;

function App() {
  const user = useUser();
  if (user.isPending) return <p>Loading …</p>;
  if (!user.isError) return <Tasks key={user.data} user={user.data} />;
  if (user.error instanceof RequestFailed && user.error.status === 401) return <SignIn />;
  return <p role="alert">{user.error.message}</p>;
}

function SignIn() {
  const { mutate, error, isPending } = useMutation({
    mutationFn: (fields: Record<string, string>) => client.signIn(fields.email ?? "", fields.password ?? ""),
    onSuccess: () => queries.resetQueries(),
  });
  return (
    <form onSubmit={(event) => mutate(submitted(event))}>
      <h1>Sign in</h1>
      <label>Email <input name="email" type="email" autoComplete="username" defaultValue="demo@example.com" required /></label>
      <label>Password <input name="password" type="password" autoComplete="current-password" required /></label>
      <button disabled={isPending}>Sign in</button>
      {error && <p role="alert">{error.message}</p>}
    </form>
  );
}

function Tasks({ user }: { user: string }) {
  const [search, setSearch] = useState("");
  const list = useTasks(user, useDeferredValue(search.trim()));
  const { mutate, failure, setFailure, deleted, setDeleted } = useWrites(user);
  const signOut = () => client.signOut().finally(() => (queries.getMutationCache().clear(), queries.resetQueries()));

  function add(event: FormEvent<HTMLFormElement>) {
    mutate({ op: "create", key: crypto.randomUUID(), task: { title: titleIn(event) } });
    event.currentTarget.reset();
  }
  return (
    <>
      <header>
        <h1>Tasks</h1>
        <button onClick={signOut}>Sign out</button>
      </header>
      <form onSubmit={add}>
        <label>New task <input name="title" maxLength={200} required /></label>
        <button>Add</button>
      </form>
      <label>Search <input type="search" value={search} onChange={(event) => setSearch(event.target.value)} /></label>
      <ul aria-busy={list.isFetching || list.waiting.length > 0}>
        {list.waiting.map((write) => write.op === "create" && <li key={write.key} className="waiting">{write.task.title}</li>)}
        {list.tasks.map((task) => <Row key={task.id} task={task} send={mutate} />)}
        {list.hasNextPage && !list.isFetching && <End onVisible={list.fetchNextPage} />}
      </ul>
      {list.isFetching && <p>Loading …</p>}
      {list.isSuccess && !list.isFetching && list.tasks.length + list.waiting.length === 0 && <p>No tasks</p>}
      {list.error && <p role="alert">{list.error.message} <button onClick={() => list.refetch()}>Try again</button></p>}
      {failure && <Failed failure={failure} send={mutate} close={() => setFailure(undefined)} />}
      {deleted && (
        <p role="status">
          Deleted “{deleted.title}”
          <button onClick={() => (mutate({ op: "restore", task: deleted }), setDeleted(undefined))}>Undo</button>
          <button onClick={() => setDeleted(undefined)}>Close</button>
        </p>
      )}
    </>
  );
}

function Row({ task, send }: { task: Task; send: Send }) {
  const [seen, setSeen] = useState<Task>(); // The task as it was when the user began to edit it.
  const update = (changes: TaskChanges) => send({ op: "update", task: seen ?? task, changes });

  function save(event: FormEvent<HTMLFormElement>) {
    update({ title: titleIn(event) });
    setSeen(undefined);
  }
  if (seen)
    return (
      <li>
        <form onSubmit={save}>
          <input name="title" aria-label="Title" defaultValue={seen.title} maxLength={200} required autoFocus />
          <button>Save</button>
          <button type="button" onClick={() => setSeen(undefined)}>Cancel</button>
        </form>
      </li>
    );
  return (
    <li>
      <label>
        <input type="checkbox" checked={task.completed} onChange={() => update({ completed: !task.completed })} />
        {task.title}
      </label>
      <button aria-label={`Edit ${task.title}`} onClick={() => setSeen(task)}>Edit</button>
      <button aria-label={`Delete ${task.title}`} onClick={() => send({ op: "delete", task })}>Delete</button>
    </li>
  );
}

/** Reads the next page when the end of the list comes into view. */
function End({ onVisible }: { onVisible: () => void }) {
  const watch = (end: HTMLLIElement) => {
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && onVisible());
    observer.observe(end);
    return () => observer.disconnect();
  };
  return <li ref={watch} />;
}

function Failed({ failure: { write, error }, send, close }: { failure: Failure; send: Send; close: () => void }) {
  const again = (next: Write) => (send(next), close());
  const theirs = currentTask(error);
  if (theirs && write.op !== "create") return <Conflict write={write} theirs={theirs} again={again} close={close} />;

  const wanted = write.op === "update" ? { title: write.task.title, ...write.changes } : write.task;
  const gone = error instanceof RequestFailed && error.problem.error === "not_found";
  const anew: Write = { op: "create", key: crypto.randomUUID(), task: wanted };
  return (
    <p role="alert">
      {wanted.title}: {error.message}
      {gone && write.op === "update"
        ? <button onClick={() => again(anew)}>Add it again</button>
        : <button onClick={() => again(write)}>Try again</button>}
      <button onClick={close}>Close</button>
    </p>
  );
}

type ConflictProps = { write: Exclude<Write, { op: "create" }>; theirs: Task; again: Send; close: () => void };

function Conflict({ write, theirs, again, close }: ConflictProps) {
  return (
    <dialog ref={(dialog) => dialog?.showModal()} onClose={close} aria-labelledby="conflict">
      <h2 id="conflict">“{theirs.title}” has changed</h2>
      <p>You: {write.op === "update" ? describe(write.changes) : "delete it"}</p>
      <p>Now: {describe({ title: theirs.title, completed: theirs.completed })}</p>
      <button onClick={() => again({ ...write, task: theirs })}>Keep mine</button>
      <button onClick={close}>Take theirs</button>
    </dialog>
  );
}

function describe({ title, completed }: TaskChanges): string {
  const done = completed === undefined ? "" : completed ? "completed" : "not completed";
  return [title, done].filter(Boolean).join(", ");
}

function titleIn(event: FormEvent<HTMLFormElement>): string {
  return (submitted(event).title ?? "").trim();
}

function submitted(event: FormEvent<HTMLFormElement>): Record<string, string> {
  event.preventDefault();
  return Object.fromEntries(new FormData(event.currentTarget)) as Record<string, string>;
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
