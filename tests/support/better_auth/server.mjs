// Better Auth behind plain node:http: `node server.mjs <port, or 0> <module of auth>`.
// Says on stdout where it is; ends with stdin. POST /rotate has its keys expire.
import { createServer } from "node:http";
import { toNodeHandler } from "better-auth/node";

const [port, module] = process.argv.slice(2);
const server = createServer().listen(Number(port), "127.0.0.1", async () => {
  const origin = `http://localhost:${server.address().port}`;
  process.env.BETTER_AUTH_URL = origin;
  const { auth } = await import(module);
  const better = toNodeHandler(auth);
  server.on("request", async (request, response) => {
    if (request.url !== "/rotate") return better(request, response);
    const { adapter } = await auth.$context;
    for (const { id } of await adapter.findMany({ model: "jwks" })) {
      await adapter.update({
        model: "jwks",
        where: [{ field: "id", value: id }],
        update: { expiresAt: new Date(Date.now() - 1000) },
      });
    }
    response.end();
  });
  console.log(origin);
});
process.stdin.resume().on("end", () => process.exit());
