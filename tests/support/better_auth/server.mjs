// Runs any number of Better Auths behind plain node:http; ends with stdin.
// Each line of stdin is JSON: {"port": a number, or 0 for any, "module": that exports auth,
// "env": its variables} starts one, {"stop": its port} stops it. The answer is a line: its
// origin, or "failed: …". POST /rotate has its keys expire.
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { toNodeHandler } from "better-auth/node";

const servers = new Map();
let started = 0;

async function start({ port, module, env }) {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://localhost:${server.address().port}`;
  Object.assign(process.env, env, { BETTER_AUTH_URL: origin });
  // With another query, it is another module.
  const { auth } = await import(`${module}?${started++}`);
  const { adapter } = await auth.$context;
  const better = toNodeHandler(auth);
  server.on("request", async (request, response) => {
    if (request.url !== "/rotate") return better(request, response);
    for (const { id } of await adapter.findMany({ model: "jwks" })) {
      await adapter.update({
        model: "jwks",
        where: [{ field: "id", value: id }],
        update: { expiresAt: new Date(Date.now() - 1000) },
      });
    }
    response.end();
  });
  servers.set(server.address().port, server);
  return origin;
}

async function stop(port) {
  const server = servers.get(port);
  servers.delete(port);
  server.close();
  server.closeAllConnections();
  await once(server, "close");
  return `http://localhost:${port}`;
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  const done = order.stop ? stop(order.stop) : start(order);
  console.log(await done.catch((error) => `failed: ${error}`));
}
process.exit();
