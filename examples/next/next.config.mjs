const api = process.env.TASKS_API_URL ?? "http://127.0.0.1:8000";

export default {
  rewrites: async () => ({ fallback: [{ source: "/api/:path*", destination: `${api}/api/:path*` }] }),
};
