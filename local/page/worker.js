// A service worker that keeps the page's own files, so that the page can be loaded offline.
// Online, each file comes from the server: a changed file is used at once.

const CACHE = "the page's files";

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const isFile = request.method === "GET" && url.origin === location.origin && url.pathname !== "/config.json";
  if (!isFile) return; // the API, and the token: never from a cache
  url.search = "";
  event.respondWith(fetchOrFind(request, url.href));
});

async function fetchOrFind(request, name) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(name, response.clone());
    return response;
  } catch (error) {
    const found = await cache.match(name);
    if (found) return found;
    throw error;
  }
}

// Files that were loaded before this worker was there.
addEventListener("install", (event) => event.waitUntil(skipWaiting()));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
