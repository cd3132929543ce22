import { once } from "node:events";
import { expect, test } from "vitest";
import { createResolver } from "../src/index.ts";
import { askUdp, client, connected, query, read, serve } from "./clients.ts";
import { answering, server } from "./servers.ts";

// In a file, and so a thread, of its own: other tests' sockets close when they like.

function resources(): string {
  return process.getActiveResourcesInfo().toSorted().join();
}

test("a client that is closed leaves no timer and no socket", async () => {
  const before = resources();
  const { upstream: silent, close: stopSilent } = await server(() => {});
  const { upstream, close: stop } = await server(answering("192.0.2.1"));
  const { port, close } = await serve(createResolver(), client({ servers: [silent, upstream] }));
  const connection = await connected(port);
  expect(read(await askUdp(port, query("a.example")))).toMatchObject({ rcode: "NOERROR" });
  expect(resources()).not.toBe(before);
  connection.destroy();
  await once(connection, "close");
  await close();
  stop();
  stopSilent();
  // What is closed goes in the turns to come; what isn't, never does.
  while (resources() !== before) await new Promise((turn) => setImmediate(turn));
});
