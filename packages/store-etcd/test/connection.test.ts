import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { openEtcdStore } from "../src/index.ts";

test("a server whose connection ends in due form before it has said anything is away, and that is said at once", async () => {
  // As the kernel does it for a process that was killed.
  const server = createServer((socket) => void socket.on("error", () => {}).end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const store = openEtcdStore({ endpoints: [`127.0.0.1:${(server.address() as AddressInfo).port}`] });
  await expect(store.get("a")).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    message: expect.stringContaining("the server has closed the connection without a word") as unknown,
  });
  await store.close();
  server.close();
});
