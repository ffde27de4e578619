/** A Better Auth for development, with two users; it forgets everything else when it ends. */
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { hashPassword } from "better-auth/crypto";
import { toNodeHandler } from "better-auth/node";
import { bearer, jwt } from "better-auth/plugins";
import { createServer } from "node:http";
import type { PreviewServer, ViteDevServer } from "vite";

const NAMES = ["demo", "alice"];
const PASSWORD = "correct horse battery";

/** Return a listener that says in one line why a server can't listen, and how it can. */
function exitSaying(setting: (port: number) => string) {
  return ({ code, port = 0, message }: Error & { code?: string; port?: number }): never => {
    console.error(code === "EADDRINUSE" ? `Port ${port} is taken: ${setting(port + 1)} make example` : message);
    process.exit(1);
  };
}

/** Return a plugin that serves Better Auth at `url`, as long as Vite serves the page. */
export function serveBetterAuth(url: string) {
  async function serve({ config, httpServer }: ViteDevServer | PreviewServer) {
    const password = await hashPassword(PASSWORD);
    const now = { createdAt: new Date(), updatedAt: new Date() };
    const auth = betterAuth({
      baseURL: url,
      secret: crypto.randomUUID(),
      trustedOrigins: ["http://localhost:*"],
      rateLimit: { enabled: false },
      emailAndPassword: { enabled: true },
      // The users' ids stay the same, and so the tasks that the API has for them.
      database: memoryAdapter({
        user: NAMES.map((id) => ({ id, name: id, email: `${id}@example.com`, emailVerified: true, ...now })),
        account: NAMES.map((id) => ({ id, userId: id, accountId: id, providerId: "credential", password, ...now })),
        session: [],
        verification: [],
        jwks: [],
      }),
      plugins: [bearer(), jwt()],
    });
    const port = Number(new URL(url).port);
    const server = createServer(toNodeHandler(auth));
    server.on("error", exitSaying((next) => `BETTER_AUTH_URL=http://localhost:${next}`));
    server.listen(port, "localhost", () =>
      config.logger.info(`\n  Sign in as demo@example.com or alice@example.com, password: ${PASSWORD}\n`));
    httpServer?.on("error", exitSaying((next) => `PAGE_PORT=${next}`));
    httpServer?.on("close", () => server.close());
  }
  return { name: "better-auth", configureServer: serve, configurePreviewServer: serve };
}
