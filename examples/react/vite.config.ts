import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { serveBetterAuth } from "./auth.ts";

const auth = process.env.BETTER_AUTH_URL ?? "http://localhost:3000";
const api = `http://127.0.0.1:${process.env.PORT ?? 8000}`;
const port = Number(process.env.PAGE_PORT ?? 5173);

export default defineConfig({
  plugins: [react(), serveBetterAuth(auth)],
  // The page calls its own origin, so that browsers send no preflights.
  server: { port, strictPort: true, proxy: { "/api/auth/": auth, "/api/": api } },
});
