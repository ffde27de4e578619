/** The same call with each generated client. */
import { client } from "./hey-api/client.gen";
import { updateTask as update } from "./hey-api/sdk.gen";
import { updateTask, type Task } from "./orval";

export async function withHeyApi(token: () => Promise<string>, task: Task) {
  client.setConfig({ baseUrl: "https://api.example.com", auth: token });
  const { data, error } = await update({
    path: { user_id: task.user_id, task_id: task.id },
    headers: { "If-Match": task.etag },
    body: { completed: true },
  });
  return data ?? error;
}

export async function withOrval(token: string, task: Task) {
  const headers = { authorization: `Bearer ${token}`, "if-match": task.etag };
  const answer = await updateTask(task.user_id, task.id, { completed: true }, { headers });
  if (answer.status === 412) return answer.data.details.task;
  return answer.status === 200 ? answer.data : answer.data.message;
}
